// An image as the columns of a convolution, for the copy engine's im2col mode.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/device/wgmma.h"

namespace sumi::cuda {

/// One axis: output i reads positions i * step + start + tap * dilation of `in`, with the filter's index + tap *
/// index_step.
struct WgmmaAxis {
  int in, out, step, start, taps, dilation;
  int index = 0, index_step = 1;
  /// The last window position of the first tap, relative to the image's last.
  int last() const { return start + (out - 1) * step - (in - 1); }
  bool fits() const {
    const auto corner = [](int v) { return v >= -128 && v <= 127; };
    return corner(start) && corner(last()) && step <= 8 && (taps - 1) * dilation <= 255 && in > 0 && out > 0;
  }
};

/// Where an output of a batch lies.
struct WgmmaPixel {
  int n, p, q;
};
__host__ __device__ __forceinline__ WgmmaPixel wgmma_pixel(int i, const WgmmaAxis& h, const WgmmaAxis& w) {
  const int line = i / w.out, q = i - line * w.out, n = line / h.out;
  return {n, line - n * h.out, q};
}

inline WgmmaAxis forward_axis(std::int64_t in, std::int64_t out, std::int64_t taps, int step, int dilation,
                              int before) {
  return {static_cast<int>(in), static_cast<int>(out), step, -before, static_cast<int>(taps), dilation};
}

/// `pixels` outputs x 64 channels at one tap of x [N, h.in, w.in, C].
inline CUtensorMap columns_map(const TensorRef& x, const WgmmaAxis& h, const WgmmaAxis& w, std::int64_t N,
                               std::int64_t C, int pixels) {
  return tensor_map(Im2colTensor{.data = x.data,
                                 .dtype = x.dtype,
                                 .N = N,
                                 .H = h.in,
                                 .W = w.in,
                                 .C = C,
                                 .first_h = h.start,
                                 .first_w = w.start,
                                 .last_h = h.last(),
                                 .last_w = w.last(),
                                 .stride_h = h.step,
                                 .stride_w = w.step,
                                 .channels = kTileK,
                                 .pixels = pixels,
                                 .swizzle = Swizzle::span128});
}

}  // namespace sumi::cuda
