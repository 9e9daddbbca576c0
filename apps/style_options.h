// `sumi stylize --style PICTURE`: painting by optimization instead of by a network.
#pragma once
#include <functional>
#include <string>

#include "apps/image.h"
#include "tensor/tensor.h"

namespace CLI {
class App;
}

namespace sumi {

struct StyleOptions {
  std::string picture, vgg, loss = "gram", optimizer = "lbfgs";
  int iterations = 150, style_size = 0;
  double content_weight = 1, style_weight = 30, tv_weight = 0.03;
  std::uint64_t seed = 1;
};

/// The short side that a style picture has at least: a VGG to relu5_1 halves it four times.
inline constexpr int kSmallestStyle = 16;

/// Throws Error, also for a picture that is too small to have a style.
Image read_style(const std::string& path);

void add_style_options(CLI::App& command, StyleOptions& options);

/// Reads the style picture and the VGG (or makes one with random weights, and says so on stderr).
std::function<Image(const std::string& name, const Image&)> style_painter(const StyleOptions& options,
                                                                          const ContextPtr& context);

}  // namespace sumi
