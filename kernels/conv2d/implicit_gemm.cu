// The row `implicit_gemm`: f32 convolutions as register-blocked products (kernels/gemm/tile_registers.h). The one
// change against `tiled`: a thread has 8 x 8 results in registers, so that 16 floats of shared memory feed 64
// multiply-adds instead of 5 feeding 4, and positions are decoded once, outside the loop. Expected: FMA is the limit,
// 60 to 80 % of 67 TFLOP/s, 5 times `tiled`.
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_registers.h"

namespace sumi::cuda {
namespace {

/// How run_product.h starts a product of floats.
struct Registers {
  using Large = LargeRegisters;
  using Small = SmallRegisters;
  template <class Shape, class Problem>
  static void start(const Problem& p, bool, Stream stream) {
    launch_registers<Shape>(p, stream);
  }
};

}  // namespace

bool implicit_gemm_supports(const Conv2dForward& a, const DeviceInfo&) {
  return a.d.groups == 1 && indices_fit(a.d) && is_loadable(a);
}
bool implicit_gemm_supports(const Conv2dBackwardInput& a, const DeviceInfo&) {
  return a.d.groups == 1 && indices_fit(a.d) && is_loadable(a) && std::max(a.d.stride_h, a.d.stride_w) <= kMaxPhases;
}
bool implicit_gemm_supports(const Conv2dBackwardWeight& a, const DeviceInfo&) {
  return a.d.groups == 1 && indices_fit(a.d);
}

void conv2d_forward_implicit_gemm(const Conv2dForward& a, Context& ctx) { run_conv<Registers, float>(a, ctx); }
void conv2d_backward_input_implicit_gemm(const Conv2dBackwardInput& a, Context& ctx) {
  run_conv<Registers, float>(a, ctx);
}
void conv2d_backward_weight_implicit_gemm(const Conv2dBackwardWeight& a, Context& ctx) {
  run_weight<Registers, float>(a, ctx);
}

}  // namespace sumi::cuda
