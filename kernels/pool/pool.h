// Max and average pooling.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"

namespace sumi {

/// What is taken of a window.
enum class Pooling : std::uint8_t { max, average };

/// x [N,H,W,C], y [N,P,Q,C], windows of R x S pixels.
struct PoolDims {
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  int R = 2, S = 2, stride_h = 2, stride_w = 2;
  Pad4 pad;
  bool ceil_mode = false;         // round the output size up; a window must start inside image or left/top padding
  bool count_include_pad = true;  // average divides by the window inside the padded image, or inside the image
  std::int64_t P() const { return size(H, R, stride_h, pad.top, pad.bottom); }
  std::int64_t Q() const { return size(W, S, stride_w, pad.left, pad.right); }
  std::int64_t x_count() const { return N * H * W * C; }
  std::int64_t y_count() const { return N * P() * Q() * C; }
  std::string key() const;

 private:
  std::int64_t size(std::int64_t n, int window, int stride, int before, int after) const {
    const std::int64_t room = n + before + after - window;
    std::int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (out - 1) * stride >= n + before) out--;
    return out;
  }
};

/// y = max or mean over each window. Padding never wins a max. Global pooling: R = H, S = W.
struct PoolForward {
  static constexpr std::string_view op = "pool_forward";
  Pooling pooling = Pooling::max;
  PoolDims d;
  TensorRef x, y;

  static Table<PoolForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat(pooling == Pooling::max ? "max" : "avg", d.key()); }
  Operands operands();
  double flops() const { return static_cast<double>(d.y_count()) * d.R * d.S; }
  double bytes() const {
    return static_cast<double>((d.x_count() + d.y_count()) * static_cast<std::int64_t>(size_of(dtype())));
  }
  double reduction() const { return static_cast<double>(d.R) * d.S; }
};

/// dx: each dy goes to its window's first maximum in row order (x is read again), or is shared evenly.
struct PoolBackward {
  static constexpr std::string_view op = "pool_backward";
  Pooling pooling = Pooling::max;
  PoolDims d;
  TensorRef x, dy, dx;  // x may be absent for average

  static Table<PoolBackward> table();
  DType dtype() const { return dy.dtype; }
  std::string key() const { return concat(pooling == Pooling::max ? "max" : "avg", d.key()); }
  Operands operands();
  double flops() const { return static_cast<double>(d.y_count()) * d.R * d.S; }
  double bytes() const {
    return static_cast<double>((2 * d.x_count() + d.y_count()) * static_cast<std::int64_t>(size_of(dtype())));
  }
  double reduction() const { return static_cast<double>(d.R) * d.S; }
};

}  // namespace sumi
