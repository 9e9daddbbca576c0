// The row `implicit_gemm_mma` of the forward table: f16 and bf16 on tensor cores (kernels/gemm/tile_mma.h). The one
// change against `implicit_gemm`: elements of 16 bits, half the bytes, and products by `mma.sync`, 2,048 multiply-adds
// an instruction of a warp instead of 32. Expected: 30 to 40 % of 989 TFLOP/s, 6 to 8 times `implicit_gemm`.
#include "kernels/conv2d/run_mma.h"

namespace sumi::cuda {

void conv2d_forward_implicit_gemm_mma(const Conv2dForward& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_conv<TensorCores, decltype(t)>(a, ctx); });
}

}  // namespace sumi::cuda
