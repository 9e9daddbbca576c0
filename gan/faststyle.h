// The feed-forward style network of pytorch/examples (Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style
// Transfer and Super-Resolution, ECCV 2016): reflection padding, instance norm, nearest upsampling.
#pragma once
#include "gan/generator.h"
#include "gan/unit.h"

namespace sumi {

/// The network's size, and how its output layer ends.
struct FaststyleOptions {
  std::int64_t width1 = 32, width2 = 64, width3 = 128;  // channels at full, half and quarter size
  int blocks = 5;
  bool sigmoid = false;  // the output layer ends in a sigmoid (see `faststyle_sigmoid` in architectures())
};

/// pytorch/examples' names. Published networks take and give RGB 0..255; with `sigmoid`, input (v - 127.5) / 64 and
/// output 0..1: bounded outputs train steadily from scratch.
class Faststyle : public Generator {
 public:
  /// PyTorch's default random weights, or zeros to load into without a seed.
  Faststyle(const ContextPtr& context, std::optional<std::uint64_t> seed, const FaststyleOptions& options = {});
  ~Faststyle() override;
  Tensor forward(const Tensor& x) const override;
  /// Widths and number of blocks of a file's network. Throws Error naming the tensor that tells none.
  static FaststyleOptions options_of(const StateDict& state);

 private:
  struct Block;
  template <class Unit>
  void add(const std::string& conv, const std::string& norm, Unit& unit);

  ConvUnit conv1_, conv2_, conv3_;
  std::vector<std::unique_ptr<Block>> blocks_;
  UpsampleConvUnit up1_, up2_;
  Conv2d out_;
};

}  // namespace sumi
