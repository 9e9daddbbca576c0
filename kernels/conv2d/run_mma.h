// Starting implicit products on tensor cores.
#pragma once
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_mma.h"

namespace sumi::cuda {

/// An engine for run_product.h. Asynchronous copies where nothing is applied at load and channels are whole chunks of
/// 16 bytes; else (`staged`) loads through registers.
template <class LargeShape, class SmallShape>
struct MmaEngine {
  using Large = LargeShape;
  using Small = SmallShape;
  template <class Shape, class Problem>
  static void start(const Problem& p, bool staged, Stream stream) {
    if (staged)
      launch_mma<Shape, true>(p, stream);
    else
      launch_mma<Shape, false>(p, stream);
  }
};

/// For elements of 16 bits, and for f32 rounded to tf32.
using TensorCores = MmaEngine<LargeMma, SmallMma>;
using TensorCoresTf32 = MmaEngine<LargeTf32, SmallTf32>;

/// Calls f(T{}) with the device's type of f16 or bf16.
template <class F>
void visit_16_bit(DType t, F&& f) {
  if (t == DType::f16)
    f(__half{});
  else
    f(__nv_bfloat16{});
}

}  // namespace sumi::cuda
