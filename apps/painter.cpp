#include "apps/painter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/core/available_memory.h"
#include "kernels/core/error.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

int round_up(int side, int multiple, int minimum) {
  const int wanted = std::max(side, minimum);
  return (wanted + multiple - 1) / multiple * multiple;
}

std::size_t row_bytes(const Image& image) { return static_cast<std::size_t>(image.width) * 3; }

constexpr PixelFormat kBytes{.offset = 0, .divisor = 1, .out_scale = 1, .out_offset = 0};

/// What `network` makes of the photo as a tensor (1,H,W,3), its sides enlarged to what the architecture takes.
template <class Network>
Image painted_by(Network&& network, const Architecture& a, const ContextPtr& context, const Image& photo, DType dtype) {
  const NoGrad no_history(*context);
  const Image whole = padded(photo, a.multiple, a.minimum);
  const Tensor x = to_network(context, whole.rgb, whole.height, whole.width, a.pixels, dtype);  // (1,H,W,3)
  return cropped_like({whole.width, whole.height, from_network(network(x), a.pixels), {}}, photo);
}

}  // namespace

Image padded(const Image& image, int multiple, int minimum) {
  Image out{round_up(image.width, multiple, minimum), round_up(image.height, multiple, minimum), {}, {}};
  out.rgb.resize(row_bytes(out) * static_cast<std::size_t>(out.height));
  for (int y = 0; y < out.height; y++) {
    const auto* from = &image.rgb[static_cast<std::size_t>(std::min(y, image.height - 1)) * row_bytes(image)];
    auto* to = &out.rgb[static_cast<std::size_t>(y) * row_bytes(out)];
    std::memcpy(to, from, row_bytes(image));
    for (std::size_t i = row_bytes(image); i < row_bytes(out); i++) to[i] = to[i - 3];
  }
  return out;
}

Image cropped_like(const Image& from, const Image& like) {
  Image out{like.width, like.height, std::vector<std::uint8_t>(like.rgb.size()), like.alpha};
  for (int y = 0; y < out.height; y++)
    std::memcpy(&out.rgb[static_cast<std::size_t>(y) * row_bytes(out)],
                &from.rgb[static_cast<std::size_t>(y) * row_bytes(from)], row_bytes(out));
  return out;
}

Image paint(const LoadedGenerator& model, const ContextPtr& context, const Image& photo, DType precision) {
  return painted_by([&](const Tensor& x) { return model.network->forward(x); }, *model.architecture, context, photo,
                    precision);
}

NetworkPainter::NetworkPainter(LoadedGenerator model, ContextPtr context, DType precision)
    : model_(std::move(model)), context_(std::move(context)), precision_(precision) {
  model_.network->to(precision);
}

Image NetworkPainter::paint(const Image& photo) {
  if (context_->device().kind == DeviceKind::cpu) return sumi::paint(model_, context_, photo, precision_);
  const auto repeated = [&](const Tensor& x) {
    if (x_ && x_.shape() == x.shape()) {
      x_.copy_from(x);
    } else {
      graph_.reset();
      x_ = x, y_ = {};
      graph_ = std::make_unique<Graph>(context_, [this] { y_ = model_.network->forward(cast(x_, precision_)); });
    }
    (*graph_)();
    return y_;
  };
  return painted_by(repeated, *model_.architecture, context_, photo, DType::f32);
}

double paint_bytes_per_pixel(const LoadedGenerator& model, const ContextPtr& context, DType precision) {
  constexpr int kSides[] = {192, 192, 320};  // the first packs the weights
  double bytes[3] = {}, pixels[3] = {};
  for (std::size_t i = 0; i < 3; i++) {
    const auto n = static_cast<std::size_t>(kSides[i]) * static_cast<std::size_t>(kSides[i]);
    const Image grey{kSides[i], kSides[i], std::vector<std::uint8_t>(n * 3, 128), {}};
    const std::size_t before = context->pool().bytes_in_use();
    context->pool().reset_peak();
    paint(model, context, grey, precision);
    bytes[i] = static_cast<double>(context->pool().peak_bytes() - before), pixels[i] = static_cast<double>(n);
  }
  return std::max(0.0, (bytes[2] - bytes[1]) / (pixels[2] - pixels[1]));
}

void check_memory(const std::string& name, const Image& photo, double bytes_per_pixel) {
  constexpr double kGiB = 1 << 30;
  const double pixels = static_cast<double>(photo.width) * photo.height;
  const double needed = pixels * bytes_per_pixel, available = 0.9 * static_cast<double>(available_memory());
  if (needed <= available) return;
  const double fitting = std::max(photo.width, photo.height) * std::sqrt(available / needed);
  fail(name, ": painting ", photo.width, 'x', photo.height, " needs about ", std::ceil(needed / kGiB),
       " GiB of memory and ", std::floor(available / kGiB), " are available; --size ",
       std::max(1, static_cast<int>(fitting)), " would fit");
}

Tensor pixels_of(const ContextPtr& context, const Image& photo) {
  return to_network(context, photo.rgb, photo.height, photo.width, kBytes, DType::f32);
}

Tensor pixels_of(const ContextPtr& context, std::span<const std::uint8_t> rgb, int N, int H, int W) {
  // A stack of pictures is one tall picture.
  return to_network(context, rgb, std::int64_t{N} * H, W, kBytes, DType::f32).reshape({N, H, W, 3});
}

Image image_of(const Tensor& pixels) {
  return {static_cast<int>(pixels.dim(2)), static_cast<int>(pixels.dim(1)), from_network(pixels, kBytes), {}};
}

}  // namespace sumi
