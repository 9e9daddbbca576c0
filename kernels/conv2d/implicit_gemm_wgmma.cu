// The row `implicit_gemm_wgmma` of the forward and input-gradient tables: f16 and bf16 on Hopper's tensor cores. The
// copy engine reads the image as the columns of the convolution (im2col mode: padding is what lies outside the image),
// so no thread computes an address and nothing is rearranged in memory.
//   forward          pixels of y x 64 channels of x at a tap     filter rows k, channels contiguous
//   input gradient   pixels of dx x 64 channels of dy at a tap   filter as it stands: its C is the contiguous side
// With a stride the input gradient is stride_h x stride_w products, phases, each of the pixels and the taps that meet
// (taps.h): one launch, phases with fewer taps take fewer steps.
// A step over k is one tap and 64 channels: RS * C / 64 steps; fewer channels than 64 leave part of a step empty.
// Neighbouring taps find the image in L2.
#include "kernels/conv2d/image_wgmma.h"
#include "kernels/conv2d/rows_wgmma.h"

namespace sumi::cuda {
namespace {

using Shapes = WgmmaShapes<WgmmaShape<128, 256>, WgmmaShape<256, 128>, WgmmaShape<128, 128>, WgmmaShape<256, 64>>;
using PhaseShapes = WgmmaShapes<WgmmaShape<128, 128>, WgmmaShape<256, 64>>;

/// Whether the copy engine can walk it.
bool fits(const AxisPhases& a, std::int64_t in) {
  for (int i = 0; i < a.phases; i++)
    if (!axis_of(a, a.phase[i], in).fits()) return false;
  return true;
}

template <class Args>
bool supports(const Args& a, const DeviceInfo& device) {
  if (!device.warpgroup_products || a.d.groups != 1 || a.prologue || !is_fusible(a.prologue, a.epilogue) ||
      a.d.pad_mode != PadMode::zero || !indices_fit(a.d) || a.d.C % 8 != 0 || a.d.K % 8 != 0 || a.d.N < 1)
    return false;
  const TapConv t = taps_of(a);
  if (std::max(t.h.phases.size(), t.w.phases.size()) > kMaxPhases ||
      t.h.phases.size() * t.w.phases.size() > kMostWgmmaPhases)
    return false;
  return t.h.in > 0 && t.w.in > 0 && t.h.max_taps() > 0 && t.w.max_taps() > 0 && fits(phases_of(t.h), t.h.in) &&
         fits(phases_of(t.w), t.w.in);
}

/// Tiles are at least 64 wide and 64 deep: thinner sides leave them empty.
template <class Args>
bool pays(const Args& a, const DeviceInfo&) {
  return a.d.C >= 32 && a.d.K >= 32;
}

}  // namespace

bool implicit_gemm_wgmma_supports(const Conv2dForward& a, const DeviceInfo& d) { return supports(a, d); }
bool implicit_gemm_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& d) { return supports(a, d); }
bool implicit_gemm_wgmma_pays(const Conv2dForward& a, const DeviceInfo& d) { return pays(a, d); }
bool implicit_gemm_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& d) { return pays(a, d); }

void conv2d_forward_implicit_gemm_wgmma(const Conv2dForward& a, Context& ctx) {
  run_image<Shapes, PhaseShapes, Major::k>(a, ctx);
}
void conv2d_backward_input_implicit_gemm_wgmma(const Conv2dBackwardInput& a, Context& ctx) {
  run_image<Shapes, PhaseShapes, Major::mn>(a, ctx);
}

}  // namespace sumi::cuda
