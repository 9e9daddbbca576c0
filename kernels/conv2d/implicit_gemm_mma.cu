// The row `implicit_gemm_mma` of the forward table: f16 and bf16 on tensor cores (kernels/gemm/tile_mma.h).
#include "kernels/conv2d/run_mma.h"

namespace sumi::cuda {

void conv2d_forward_implicit_gemm_mma(const Conv2dForward& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_conv<TensorCores, decltype(t)>(a, ctx); });
}

}  // namespace sumi::cuda
