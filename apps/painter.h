// A photo through a network.
#pragma once
#include <span>
#include <string>

#include "apps/image.h"
#include "gan/generator.h"
#include "tensor/graph.h"

namespace sumi {

/// Replicates the last column and row to the right and below until both sides are at least `minimum` and multiples of
/// `multiple`.
Image padded(const Image& image, int multiple, int minimum);

/// The top left part of `from`, at the size of `like` and with its alpha.
Image cropped_like(const Image& from, const Image& like);

/// Paints the colours of `photo`; the result has its size and its alpha.
Image paint(const LoadedGenerator& model, const ContextPtr& context, const Image& photo, DType precision);

/// A network that paints one photo after another. On a GPU, photos of one size share a captured graph; the last size's
/// is kept.
class NetworkPainter {
 public:
  /// Converts the model's weights to `precision`.
  NetworkPainter(LoadedGenerator model, ContextPtr context, DType precision);
  NetworkPainter(const NetworkPainter&) = delete;
  NetworkPainter& operator=(const NetworkPainter&) = delete;
  /// As paint().
  Image paint(const Image& photo);
  const LoadedGenerator& model() const { return model_; }

 private:
  LoadedGenerator model_;
  ContextPtr context_;
  DType precision_;
  Tensor x_, y_;  // (1,H,W,3) in f32, and what the network makes of it
  std::unique_ptr<Graph> graph_;
};

/// Memory that painting takes beyond the weights, in bytes a pixel: the slope between two small pictures that are
/// painted for it (a second or two).
double paint_bytes_per_pixel(const LoadedGenerator& model, const ContextPtr& context, DType precision);

/// Throws Error naming the file and the --size that would fit when a photo of that size needs more memory than there
/// is.
void check_memory(const std::string& name, const Image& photo, double bytes_per_pixel);

/// RGB bytes of `photo` <-> a tensor [1,H,W,3] of 0..255 in f32.
Tensor pixels_of(const ContextPtr& context, const Image& photo);
Tensor pixels_of(const ContextPtr& context, std::span<const std::uint8_t> rgb, int N, int H, int W);  // [N,H,W,3]
Image image_of(const Tensor& pixels);

}  // namespace sumi
