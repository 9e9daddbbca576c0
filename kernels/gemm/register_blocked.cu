// The row `register_blocked`: f32 products that stay f32.
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
  const bool large = takes_large_tiles<LargeRegisters>(g, ctx.device());
  visit_product<float>(g, [&](const auto& p) {
    if (large)
      run_shape<LargeRegisters>(p, g, ctx);
    else
      run_shape<SmallRegisters>(p, g, ctx);
  });
}

}  // namespace sumi::cuda
