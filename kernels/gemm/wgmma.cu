// The row `wgmma`: f16 and bf16 on Hopper's tensor cores, fed by its copy engine.
#include "kernels/gemm/matrices_wgmma.h"
#include "kernels/gemm/rows.h"

namespace sumi::cuda {

bool gemm_wgmma_supports(const Gemm& g, const DeviceInfo& d) {
  constexpr std::int64_t kLargest = 0x7fffffff - 1024;
  const std::int64_t pitch_a = g.transpose_a ? g.M : g.K, pitch_b = g.transpose_b ? g.K : g.N;
  return d.warpgroup_products && g.batch >= 1 && g.M >= 1 && g.N >= 1 && g.K >= 1 && pitch_a % 8 == 0 &&
         pitch_b % 8 == 0 && g.batch <= kLargest && g.M <= kLargest && g.N <= kLargest && g.K <= kLargest;
}

bool gemm_wgmma_pays(const Gemm& g, const DeviceInfo&) { return g.M >= 64 && g.N >= 64 && g.K >= 64; }

void gemm_wgmma(const Gemm& g, Context& ctx) {
  run_matrices<WgmmaShapes<WgmmaShape<128, 256>, WgmmaShape<128, 128>>>(g, ctx);
}

}  // namespace sumi::cuda
