// The rows `implicit_gemm_tf32`: f32 images on tensor cores, which round both factors to tf32
// (kernels/gemm/tile_mma.h). That is the one change against `implicit_gemm`: 1,024 multiply-adds an instruction of a
// warp instead of 32, the bytes as they were: 32 FLOP a byte of L2 allow 176 TFLOP/s. Expected: 25 to 35 % of 494
// TFLOP/s, 3 times `implicit_gemm`.
#include "kernels/conv2d/run_mma.h"

namespace sumi::cuda {

void conv2d_forward_implicit_gemm_tf32(const Conv2dForward& a, Context& ctx) {
  run_conv<TensorCoresTf32, float>(a, ctx);
}
void conv2d_backward_input_implicit_gemm_tf32(const Conv2dBackwardInput& a, Context& ctx) {
  run_conv<TensorCoresTf32, float>(a, ctx);
}
void conv2d_backward_weight_implicit_gemm_tf32(const Conv2dBackwardWeight& a, Context& ctx) {
  run_weight<TensorCoresTf32, float>(a, ctx);
}

}  // namespace sumi::cuda
