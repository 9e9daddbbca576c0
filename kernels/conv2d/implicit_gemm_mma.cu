// The row `implicit_gemm_mma`: f16 and bf16 convolutions on tensor cores (kernels/gemm/tile_mma.h). Asynchronous copies
// where nothing is applied at load and channels are whole chunks of 8; else loads through registers.
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_mma.h"

namespace sumi::cuda {
namespace {

/// How run_product.h starts a product of 16-bit elements.
struct TensorCores {
  using Large = LargeMma;
  using Small = SmallMma;
  template <class Shape, class Problem>
  static void start(const Problem& p, bool staged, Stream stream) {
    if (staged)
      launch_mma<Shape, true>(p, stream);
    else
      launch_mma<Shape, false>(p, stream);
  }
};

}  // namespace

void conv2d_forward_implicit_gemm_mma(const Conv2dForward& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_conv<TensorCores, decltype(t)>(a, ctx); });
}
void conv2d_backward_input_implicit_gemm_mma(const Conv2dBackwardInput& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_conv<TensorCores, decltype(t)>(a, ctx); });
}
void conv2d_backward_weight_implicit_gemm_mma(const Conv2dBackwardWeight& a, Context& ctx) {
  visit_16_bit(a.dtype(), [&](auto t) { run_weight<TensorCores, decltype(t)>(a, ctx); });
}

}  // namespace sumi::cuda
