// The rows `implicit_gemm_mma` of the gradients' tables. The filter is not transposed beforehand: ldmatrix transposes,
// so the input gradient reads [K,R,S,C] as it stands, and the weight gradient dy and x.
#include "kernels/conv2d/run_mma.h"

namespace sumi::cuda {

void conv2d_backward_input_implicit_gemm_mma(const Conv2dBackwardInput& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_conv<TensorCores, decltype(t)>(a, ctx); });
}
void conv2d_backward_weight_implicit_gemm_mma(const Conv2dBackwardWeight& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_weight<TensorCores, decltype(t)>(a, ctx); });
}

}  // namespace sumi::cuda
