// The row `applied_wgmma`: what `implicit_gemm_wgmma` cannot read, a pending affine and activation or a border that is
// no zeros, a pass of NormApply writes out first. The copy engine moves memory as it stands: there is
// no load in which to apply a map.
//
// The pass reads and writes 2 bytes a pixel and channel: 4 C / 3.35e12 s a pixel. The convolution's 2 R S C K FLOP a
// pixel take 2 R S C K / 330e12 s by warp products (a third of 989e12), 2 R S C K / 590e12 s by warpgroup products (60
// %): the pass is earned from R S K = 450 on, 3x3 from 50 outputs, 1x1 from 450. Expected with 3x3 and 256
// channels: 1.5 times `implicit_gemm_mma`.
#include "kernels/conv2d/rows_wgmma.h"
#include "kernels/norm/norm.h"

namespace sumi::cuda {
namespace {

constexpr std::int64_t kEarnsAPass = 450;

NormApply pass_of(const Conv2dForward& a) {
  NormApply pass{.d = {a.d.N, a.d.H, a.d.W, a.d.C}, .x = a.x};
  if (a.d.pad_mode != PadMode::zero) pass.pad = a.d.pad, pass.pad_mode = a.d.pad_mode;
  return pass;
}
NormApply pass_of(const Conv2dBackwardInput& a) { return {.d = {a.d.N, a.d.P(), a.d.Q(), a.d.K}, .x = a.dy}; }

/// The convolution of what the pass leaves.
Conv2dForward rest_of(Conv2dForward a) {
  if (a.d.pad_mode != PadMode::zero) {
    a.d.H += a.d.pad.top + a.d.pad.bottom;
    a.d.W += a.d.pad.left + a.d.pad.right;
    a.d.pad = {};
    a.d.pad_mode = PadMode::zero;
  }
  a.prologue = {};
  return a;
}
Conv2dBackwardInput rest_of(Conv2dBackwardInput a) {
  a.prologue = {};
  return a;
}

bool has_pass(const Conv2dForward& a) { return a.prologue || a.d.pad_mode != PadMode::zero; }
bool has_pass(const Conv2dBackwardInput& a) { return static_cast<bool>(a.prologue); }

TensorRef& input_of(Conv2dForward& a) { return a.x; }
TensorRef& input_of(Conv2dBackwardInput& a) { return a.dy; }

template <class Args>
bool supports(const Args& a, const DeviceInfo& device) {
  return has_pass(a) && is_fusible(a.prologue, a.epilogue) && implicit_gemm_wgmma_supports(rest_of(a), device);
}

template <class Args>
bool pays(const Args& a, std::int64_t outputs, const DeviceInfo& device) {
  return a.d.R * a.d.S * outputs >= kEarnsAPass && implicit_gemm_wgmma_pays(rest_of(a), device);
}

/// Not by run(): a row's time is its own, its passes are no ops of their own in a profile.
template <class Args, class Row>
void run(const Args& a, Row row, Context& ctx) {
  NormApply pass = pass_of(a);
  pass.scale = a.prologue.scale, pass.shift = a.prologue.shift;
  if (a.prologue) pass.act = a.prologue.act, pass.a = a.prologue.a;
  const Scratch applied = ctx.scratch(static_cast<std::size_t>(pass.y_dims().count()) * size_of(a.dtype()));
  pass.y = {applied.as<void>(), a.dtype()};
  select(pass, ctx).run(pass, ctx);
  Args rest = rest_of(a);
  input_of(rest) = pass.y;
  row(rest, ctx);
}

}  // namespace

bool applied_wgmma_supports(const Conv2dForward& a, const DeviceInfo& d) { return supports(a, d); }
bool applied_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& d) { return supports(a, d); }
bool applied_wgmma_pays(const Conv2dForward& a, const DeviceInfo& d) { return pays(a, a.d.K, d); }
bool applied_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& d) { return pays(a, a.d.C, d); }

void conv2d_forward_applied_wgmma(const Conv2dForward& a, Context& ctx) {
  run(a, conv2d_forward_implicit_gemm_wgmma, ctx);
}
void conv2d_backward_input_applied_wgmma(const Conv2dBackwardInput& a, Context& ctx) {
  run(a, conv2d_backward_input_implicit_gemm_wgmma, ctx);
}

}  // namespace sumi::cuda
