#include "apps/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/core/error.h"

namespace sumi {
namespace {

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

double sinc(double x) { return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x); }
double lanczos(double x) { return std::abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0; }

constexpr int kBits = 22;  // 32 less 8 of the pixel and 2 of overshoot

/// For each output position the first input it reads and its fixed-point weights.
struct Weights {
  int taps = 0;
  std::vector<int> first, count;
  std::vector<std::int32_t> values;  // out x taps
};

Weights make_weights(int in, int out, ResizeFilter filter) {
  const double scale = static_cast<double>(in) / out, widened = std::max(scale, 1.0);
  const double support = (filter == ResizeFilter::bicubic ? 2.0 : 3.0) * widened;
  Weights w;
  w.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  w.values.resize(static_cast<std::size_t>(out) * static_cast<std::size_t>(w.taps));
  std::vector<double> k(static_cast<std::size_t>(w.taps));
  for (int i = 0; i < out; i++) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int count = std::min(static_cast<int>(centre + support + 0.5), in) - first;
    double sum = 0;
    for (int t = 0; t < count; t++) {
      const double x = (t + first - centre + 0.5) / widened;
      sum += k[static_cast<std::size_t>(t)] = filter == ResizeFilter::bicubic ? bicubic(x) : lanczos(x);
    }
    auto* out_weights = &w.values[static_cast<std::size_t>(i) * static_cast<std::size_t>(w.taps)];
    for (int t = 0; t < count; t++) {
      const double v = (sum != 0 ? k[static_cast<std::size_t>(t)] / sum : 0) * (1 << kBits);
      out_weights[t] = static_cast<std::int32_t>(v + (v < 0 ? -0.5 : 0.5));
    }
    w.first.push_back(first);
    w.count.push_back(count);
  }
  return w;
}

std::uint8_t rounded(std::int64_t v) { return static_cast<std::uint8_t>(std::clamp<std::int64_t>(v >> kBits, 0, 255)); }

using Bytes = std::vector<std::uint8_t>;

/// Resizes the middle side of [outer, in, inner] to `out`.
Bytes resize_axis(const Bytes& x, std::size_t outer, int in, std::size_t inner, int out, ResizeFilter filter) {
  if (in == out) return x;
  const Weights w = make_weights(in, out, filter);
  Bytes y(outer * static_cast<std::size_t>(out) * inner);
  std::vector<std::int32_t> sums(inner);
  for (std::size_t o = 0; o < outer; o++)
    for (int i = 0; i < out; i++) {
      std::fill(sums.begin(), sums.end(), 1 << (kBits - 1));
      const auto at = static_cast<std::size_t>(i);
      for (int t = 0; t < w.count[at]; t++) {
        const std::int32_t k = w.values[at * static_cast<std::size_t>(w.taps) + static_cast<std::size_t>(t)];
        const auto* row = &x[(o * static_cast<std::size_t>(in) + static_cast<std::size_t>(w.first[at] + t)) * inner];
        for (std::size_t c = 0; c < inner; c++) sums[c] += row[c] * k;
      }
      auto* row = &y[(o * static_cast<std::size_t>(out) + at) * inner];
      for (std::size_t c = 0; c < inner; c++) row[c] = rounded(sums[c]);
    }
  return y;
}

Bytes resize_plane(const Bytes& x, const Image& image, int width, int height, std::size_t channels, ResizeFilter f) {
  const Bytes rows = resize_axis(x, static_cast<std::size_t>(image.height), image.width, channels, width, f);
  return resize_axis(rows, 1, image.height, static_cast<std::size_t>(width) * channels, height, f);
}

void multiply_by_alpha(Image& image) {
  for (std::size_t i = 0; i < image.rgb.size(); i++) {
    const int t = image.rgb[i] * image.alpha[i / 3] + 128;
    image.rgb[i] = static_cast<std::uint8_t>(((t >> 8) + t) >> 8);  // exact v * a / 255, rounded
  }
}

void divide_by_alpha(Image& image) {
  for (std::size_t i = 0; i < image.rgb.size(); i++)
    if (const int a = image.alpha[i / 3]; a > 0)
      image.rgb[i] = static_cast<std::uint8_t>(std::min(255, 255 * image.rgb[i] / a));
}

int scaled(int side, int from, int to) {
  return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * to / from)));
}

}  // namespace

Image resize(const Image& image, int width, int height, ResizeFilter filter) {
  check(width > 0 && height > 0, "resize: expected a positive size, got ", width, "x", height);
  Image from = image;
  if (!from.alpha.empty()) multiply_by_alpha(from);
  Image to{width, height, resize_plane(from.rgb, from, width, height, 3, filter), {}};
  if (from.alpha.empty()) return to;
  to.alpha = resize_plane(from.alpha, from, width, height, 1, filter);
  divide_by_alpha(to);
  return to;
}

Image resize_long_side(const Image& image, int side) {
  const int longest = std::max(image.width, image.height);
  return resize(image, scaled(image.width, longest, side), scaled(image.height, longest, side));
}

Image resize_short_side(const Image& image, int side) {
  const int shortest = std::min(image.width, image.height);
  return resize(image, scaled(image.width, shortest, side), scaled(image.height, shortest, side));
}

}  // namespace sumi
