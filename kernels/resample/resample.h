// Changing an image's size: nearest, bilinear in three coordinate conventions, pixel shuffle.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"

namespace sumi {

/// Which pixels an output takes: one, or the four around it by distance.
enum class Interpolation : std::uint8_t { nearest, bilinear };
/// Source coordinate of output index i: (i + 1/2) H/P - 1/2; i (H-1)/(P-1); i H/P (TensorFlow 1's legacy).
/// nearest always takes floor(i H/P), as PyTorch does.
enum class Coordinates : std::uint8_t { half_pixel, align_corners, asymmetric };

/// y [N,P,Q,C] from x [N,H,W,C].
struct ResampleForward {
  static constexpr std::string_view op = "resample_forward";
  static constexpr bool linear = true;
  Dims4 d;  // of x
  std::int64_t P = 1, Q = 1;
  Interpolation interpolation = Interpolation::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  TensorRef x, y;

  static Table<ResampleForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 8.0 * static_cast<double>(d.N * P * Q * d.C); }
  double bytes() const;
  double reduction() const { return 4; }
  /// True when integer data gives exact integer results.
  bool exact() const { return interpolation == Interpolation::nearest; }
};

/// dx [N,H,W,C] from dy [N,P,Q,C]: the transpose of ResampleForward. Deterministic.
struct ResampleBackward {
  static constexpr std::string_view op = "resample_backward";
  static constexpr bool linear = true;
  Dims4 d;  // of dx
  std::int64_t P = 1, Q = 1;
  Interpolation interpolation = Interpolation::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  TensorRef dy, dx;

  static Table<ResampleBackward> table();
  DType dtype() const { return dy.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 8.0 * static_cast<double>(d.N * P * Q * d.C); }
  double bytes() const;
  double reduction() const { return 4.0 * static_cast<double>(std::max<std::int64_t>(1, P * Q / (d.H * d.W))); }
  /// True when integer data gives exact integer results.
  bool exact() const { return interpolation == Interpolation::nearest; }
};

/// Depth to space, ONNX mode CRD (PyTorch's PixelShuffle): y[n, h*b+i, w*b+j, c] = x[n, h, w, (c*b + i)*b + j].
/// With `inverse`, space to depth, its transpose and inverse. d is always the small image [N,H,W,C*b*b].
struct PixelShuffle {
  static constexpr std::string_view op = "pixel_shuffle";
  Dims4 d;
  int block = 2;
  bool inverse = false;
  TensorRef x, y;

  static Table<PixelShuffle> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 0; }
  double bytes() const { return 2.0 * static_cast<double>(d.count()) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
