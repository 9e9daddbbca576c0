// The row `register_blocked`: f32 products that stay f32. The one change against `tiled`: 8 x 8 results a thread
// instead of 4, so that 16 floats of shared memory feed 64 multiply-adds instead of 5 feeding 4. Expected: FMA is the
// limit, 70 to 85 % of 67 TFLOP/s, 4 times `tiled`.
#include "kernels/gemm/product.h"
#include "kernels/gemm/rows.h"
#include "kernels/gemm/tile_registers.h"

namespace sumi::cuda {
namespace {

template <class Shape, class Product>
void run_shape(Product p, const Gemm& g, Context& ctx) {
  p.grid = tile_grid(g.batch, g.M, g.N, g.K, Shape::M, Shape::N, Shape::K);
  with_splits(p, g.batch * g.M, ctx, [&](const Product& q) { launch_registers<Shape>(q, ctx.stream()); });
}

}  // namespace

void gemm_register_blocked(const Gemm& g, Context& ctx) {
  const bool large = takes_large_tiles<LargeRegisters, SmallRegisters>(g, ctx.device());
  visit_product<float>(g, [&](const auto& p) {
    if (large)
      run_shape<LargeRegisters>(p, g, ctx);
    else
      run_shape<SmallRegisters>(p, g, ctx);
  });
}

}  // namespace sumi::cuda
