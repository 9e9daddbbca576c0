// The row `wgmma_multicast`: `wgmma` in clusters of two blocks, one tile of rows above the other, which share the right
// tile. L2 gives a block 128 x 64 of a and 128 x 64 of b a step instead of 128 x 64 and 256 x 64: 32 KiB instead of 48.
#include "kernels/gemm/matrices_wgmma.h"
#include "kernels/gemm/rows.h"

namespace sumi::cuda {

bool gemm_wgmma_multicast_pays(const Gemm& g, const DeviceInfo& d) { return g.M > 128 && gemm_wgmma_pays(g, d); }

void gemm_wgmma_multicast(const Gemm& g, Context& ctx) {
  run_matrices<WgmmaShapes<WgmmaShape<128, 256, 2>, WgmmaShape<128, 128, 2>>>(g, ctx);
}

}  // namespace sumi::cuda
