// Nearest upsampling and a 3 x 3 convolution as one transposed convolution of the small image.
//
// In one dimension, of the image u[j] = x[j / 2 rounded down] padded by 1:
//   y[o] = sum over r of w[r] u[o + r - 1] = sum over i of x[i] v[o - 2 i],   v = w[2], w[1] + w[2], w[0] + w[1], w[0]
// at -1, 0, 1, 2: pixel i is pixels 2 i and 2 i + 1 of u, so each v adds up the taps that meet one of them. That is the
// transpose of a convolution with stride 2, 4 taps and padding 1. Beyond the edge u[-1] is x[-1], which reflecting u
// (u[1]) and repeating its edge (u[0]) both set to x[0]: x with its edge repeated, and 2 more pixels cropped.
#include "tensor/ops/gradients.h"

namespace sumi {

Tensor upsampling_matrix(const ContextPtr& context, DType dtype) {
  constexpr int kFold[4][3] = {{0, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 0}};
  std::vector<float> m;
  for (const auto& row : kFold)
    for (const auto& column : kFold)
      for (const int r : row)
        for (const int s : column) m.push_back(static_cast<float>(r * s));
  return Tensor::from(context, {1, 16, 9}, m, dtype);
}

Tensor upsampling_filter(const Tensor& w, const Tensor& matrix) {
  check(w && w.rank() == 4 && w.dim(1) == 3 && w.dim(2) == 3, "upsampling_filter: expected w [K,3,3,C], got ",
        w.shape());
  const std::int64_t K = w.dim(0), C = w.dim(3);
  const Tensor wide = cast(w, matrix.dtype());
  const Tensor by_channel = transpose(wide.reshape({K, 9, C})).reshape({K, C * 9});  // (K,C,9)
  const Tensor taps = transpose(by_channel).reshape({C, 9, K});
  return cast(matmul(matrix, taps).reshape({C, 4, 4, K}), w.dtype());
}

ConvTranspose2dOptions upsampling_options(PadMode mode) {
  return {.stride = 2, .pad = Pad4::all(mode == PadMode::zero ? 1 : 3)};
}

Tensor upsampled_conv2d(const Tensor& x, const Tensor& filter, const Tensor& bias, PadMode mode, Moments* channels) {
  const Tensor edged = mode == PadMode::zero ? x : pad(x, Pad4::all(1), PadMode::replicate);
  return conv_transpose2d(edged, filter, bias, upsampling_options(mode), channels);
}

}  // namespace sumi
