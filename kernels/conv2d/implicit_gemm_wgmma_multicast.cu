// The row `implicit_gemm_wgmma_multicast`: `implicit_gemm_wgmma` in clusters of two blocks, which make neighbouring
// tiles of pixels and share the filter's tile: each brings half of its columns (output channels) for both. Tiles have
// at least 128 columns, so that a half is whole boxes of 64.
#include "kernels/conv2d/image_wgmma.h"
#include "kernels/conv2d/rows_wgmma.h"

namespace sumi::cuda {
namespace {

using Shapes = WgmmaShapes<WgmmaShape<128, 256, 2>, WgmmaShape<256, 128, 2>, WgmmaShape<128, 128, 2>>;
using PhaseShapes = WgmmaShapes<WgmmaShape<128, 128, 2>>;

/// Both halves have columns.
template <class Args>
bool pays(const Args& a, std::int64_t columns, const DeviceInfo& d) {
  return columns > 64 && implicit_gemm_wgmma_pays(a, d);
}

}  // namespace

bool implicit_gemm_wgmma_multicast_pays(const Conv2dForward& a, const DeviceInfo& d) { return pays(a, a.d.K, d); }
bool implicit_gemm_wgmma_multicast_pays(const Conv2dBackwardInput& a, const DeviceInfo& d) { return pays(a, a.d.C, d); }

void conv2d_forward_implicit_gemm_wgmma_multicast(const Conv2dForward& a, Context& ctx) {
  run_image<Shapes, PhaseShapes, Major::k>(a, ctx);
}
void conv2d_backward_input_implicit_gemm_wgmma_multicast(const Conv2dBackwardInput& a, Context& ctx) {
  run_image<Shapes, PhaseShapes, Major::mn>(a, ctx);
}

}  // namespace sumi::cuda
