// Image-to-image networks by name, and how pictures go in and come out of them.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "nn/module.h"

namespace sumi {

/// Pixels 0..255 become network input by (v - offset) / divisor, channels reversed when bgr; output goes back by
/// v * out_scale + out_offset, clamped to 0..255.
struct PixelFormat {
  double offset = 127.5, divisor = 127.5, out_scale = 127.5, out_offset = 127.5;
  bool bgr = false;
};

/// A network from a picture [N,H,W,3] to a picture of the same size.
class Generator : public Module {
 public:
  /// x in the network's own pixel format. Recorded when gradients are enabled, fused otherwise.
  virtual Tensor forward(const Tensor& x) const = 0;
  /// Takes the options that a file's metadata carries.
  virtual void configure(const std::map<std::string, std::string>& /*metadata*/) {}
};

/// One row of the table of networks: how its files are told from others, how pictures go in, how it is made.
struct Architecture {
  std::string_view name;   // "cartoongan", "faststyle", "faststyle_sigmoid", "lengstrom", "animeganv2"
  std::string_view title;  // for people
  PixelFormat pixels;
  int multiple = 1;       // sides must be multiples of this (the program pads by replication and crops)
  int minimum = 1;        // and at least this
  std::string_view mark;  // a tensor that only this architecture's files have
  /// True when a file's tensor names and metadata are this architecture's.
  bool (*recognise)(const StateDict& state, const std::map<std::string, std::string>& metadata);
  /// An untrained network with seeded random weights; or, where `state` is given, one shaped after it (channel widths)
  /// with zeros, for load_state_dict.
  std::unique_ptr<Generator> (*make)(const ContextPtr& context, std::uint64_t seed, const StateDict* state);
};

/// All architectures, one row each.
std::span<const Architecture> architectures();
/// "cartoongan, faststyle_sigmoid, ...", for messages.
std::string architecture_names();
/// The row of that name. Throws Error listing the names.
const Architecture& architecture_named(std::string_view name);

/// A network and its row of the table; never null.
struct LoadedGenerator {
  const Architecture* architecture;
  std::unique_ptr<Generator> network;
};
/// Reads a safetensors file and builds its network, frozen, with f32 weights. Its metadata may carry `architecture`
/// (a name of the table), `pixels` ("centered_sigmoid" makes a faststyle network a faststyle_sigmoid one) and
/// `align_corners` (animeganv2). Throws Error naming the file, and the tensor that does not fit.
LoadedGenerator load_generator(const ContextPtr& context, const std::string& path);

/// u8 RGB picture [H,W,3] <-> network tensors, at the network's dtype.
Tensor to_network(const ContextPtr& context, std::span<const std::uint8_t> rgb, std::int64_t H, std::int64_t W,
                  const PixelFormat& format, DType dtype);
/// y [1,H,W,3]; rounded and clamped to 0..255, NaN is 0. Throws Error for another shape; waits for the GPU.
std::vector<std::uint8_t> from_network(const Tensor& y, const PixelFormat& format);

}  // namespace sumi
