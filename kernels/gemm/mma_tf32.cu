// The row `mma_tf32`: f32 on tensor cores, which round both factors to tf32.
#include "kernels/gemm/rows.h"
#include "kernels/gemm/run_mma.h"

namespace sumi::cuda {

void gemm_mma_tf32(const Gemm& g, Context& ctx) { run_mma<float, LargeTf32, SmallTf32>(g, ctx); }

}  // namespace sumi::cuda
