// The row `mma`: f16 and bf16 on tensor cores.
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
