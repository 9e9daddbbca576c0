// The row `mma_tf32`: f32 on tensor cores, which round both factors to tf32. That is the one change against
// `register_blocked`: 1,024 multiply-adds an instruction of a warp instead of 32, the bytes as they were: 32 FLOP a
// byte of L2 allow 176 TFLOP/s. Expected: 125 to 170, two to three times `register_blocked`.
#include "kernels/gemm/rows.h"
#include "kernels/gemm/run_mma.h"

namespace sumi::cuda {

void gemm_mma_tf32(const Gemm& g, Context& ctx) { run_mma<float, LargeTf32, SmallTf32>(g, ctx); }

}  // namespace sumi::cuda
