// Starting matrix products on tensor cores.
#pragma once
#include "kernels/gemm/product.h"
#include "kernels/gemm/tile_mma.h"

namespace sumi::cuda {

template <class Shape, bool Staged, class Product>
void run_mma_shape(Product p, const Gemm& g, Context& ctx) {
  p.grid = tile_grid(g.batch, g.M, g.N, g.K, Shape::M, Shape::N, Shape::K);
  with_splits(p, g.batch * g.M, ctx, [&](const Product& q) { launch_mma<Shape, Staged>(q, ctx.stream()); });
}

/// Rows that are not whole chunks come through registers, in small tiles: networks have none.
template <class T, class Large, class Small>
void run_mma(const Gemm& g, Context& ctx) {
  const bool large = takes_large_tiles<Large, Small>(g, ctx.device());
  visit_product<T>(g, [&](const auto& p) {
    if (!p.a.aligned || !p.b.aligned)
      run_mma_shape<Small, true>(p, g, ctx);
    else if (large)
      run_mma_shape<Large, false>(p, g, ctx);
    else
      run_mma_shape<Small, false>(p, g, ctx);
  });
}

}  // namespace sumi::cuda
