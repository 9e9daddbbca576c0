// The row `mma`: f16 and bf16 on tensor cores.
#include "kernels/gemm/product.h"
#include "kernels/gemm/rows.h"
#include "kernels/gemm/tile_mma.h"

namespace sumi::cuda {
namespace {

template <class Shape, bool Staged, class Product>
void run_shape(Product p, const Gemm& g, Context& ctx) {
  p.grid = tile_grid(g.batch, g.M, g.N, g.K, Shape::M, Shape::N, Shape::K);
  with_splits(p, g.batch * g.M, ctx, [&](const Product& q) { launch_mma<Shape, Staged>(q, ctx.stream()); });
}

/// Rows that are not whole chunks come through registers, in small tiles: networks have none.
template <class T>
void run_typed(const Gemm& g, Context& ctx) {
  const bool large = std::min(g.M, g.N) > 64 &&
                     fills(ctx.device(), tile_grid(g.batch, g.M, g.N, g.K, LargeMma::M, LargeMma::N, LargeMma::K));
  visit_product<T>(g, [&](const auto& p) {
    if (!p.a.aligned || !p.b.aligned)
      run_shape<SmallMma, true>(p, g, ctx);
    else if (large)
      run_shape<LargeMma, false>(p, g, ctx);
    else
      run_shape<SmallMma, false>(p, g, ctx);
  });
}

}  // namespace

void gemm_mma(const Gemm& g, Context& ctx) {
  if (g.dtype() == DType::f16)
    run_typed<__half>(g, ctx);
  else
    run_typed<__nv_bfloat16>(g, ctx);
}

}  // namespace sumi::cuda
