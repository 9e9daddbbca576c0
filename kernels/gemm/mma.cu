// The row `mma`: f16 and bf16 on tensor cores. The one change against `register_blocked`: elements of 16 bits, half the
// bytes, and 2,048 multiply-adds an instruction of a warp instead of 32. Expected: `mma.sync` is the limit, 35 to 40 %
// of 989 TFLOP/s, 7 times `register_blocked`.
#include "kernels/gemm/rows.h"
#include "kernels/gemm/run_mma.h"

namespace sumi::cuda {

void gemm_mma(const Gemm& g, Context& ctx) {
  if (g.dtype() == DType::f16)
    run_mma<__half, LargeMma, SmallMma>(g, ctx);
  else
    run_mma<__nv_bfloat16, LargeMma, SmallMma>(g, ctx);
}

}  // namespace sumi::cuda
