// The host's side of an implicit matrix product: which tiles, how many shares of the sum, what follows it.
#pragma once
#include "kernels/conv2d/add_splits.h"
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/image_product.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/weight_slots.h"
#include "kernels/gemm/with_splits.h"

namespace sumi::cuda {

/// Calls start(p) and adds up what it leaves: shares of the sums over k, and the statistics that t wants, one slot for
/// `rows` rows of pixels of a tile. Where sums are shared, only adding them stores y: then that takes the statistics.
template <class Problem, class Start>
void run_with_sums(Problem p, const TapConv& t, int rows, Context& ctx, Start&& start) {
  const std::int64_t pixels = t.h.out * t.w.out;
  const bool whole = p.grid.splits == 1;
  const MomentsInStore moments(t.epilogue, t.N, whole ? pixels_by_phase(t) : std::vector{pixels},
                               whole ? rows : kAddedRows, t.K, ctx);
  const TileSums sums{moments.slots()};
  if (whole) p.sums = sums;
  with_splits(p, t.N * pixels, ctx, start, [&](const auto& finish) {
    if (sums.slots.sums)
      launch_add_splits_summed(finish, sums, t.N, pixels, p.grid.splits, ctx.stream());
    else
      launch_add_splits(finish, t.N * pixels, p.grid.splits, ctx.stream());
  });
  moments.merge(pixels, ctx);
}

/// Engine: Large and Small tile shapes and start<Shape>(product, staged, stream).
template <class Engine, class Shape, class Problem>
void run_tiles(Problem p, const TapConv& t, bool staged, Context& ctx) {
  p.grid = conv_grid(t, Shape::M, Shape::N, Shape::K);
  run_with_sums(p, t, Shape::M, ctx, [&](const Problem& q) { Engine::template start<Shape>(q, staged, ctx.stream()); });
}

template <class Engine, class T, bool Transposed>
void run_taps(const TapConv& t, Context& ctx) {
  using Large = typename Engine::Large;
  using Small = typename Engine::Small;
  const auto p = conv_product<T, Transposed>(t);
  const bool staged = t.prologue || !p.image.aligned || !p.filter.aligned;
  if (large_tiles_pay<Large, Small>(ctx.device(), [&](int m, int n, int k) { return conv_grid(t, m, n, k); }))
    run_tiles<Engine, Large>(p, t, staged, ctx);
  else
    run_tiles<Engine, Small>(p, t, staged, ctx);
}

template <class Engine, class T>
void run_conv(const Conv2dForward& a, Context& ctx) {
  run_taps<Engine, T, false>(taps_of(a), ctx);
}
template <class Engine, class T>
void run_conv(const Conv2dBackwardInput& a, Context& ctx) {
  run_taps<Engine, T, true>(taps_of(a), ctx);
}

/// The sum is over all pixels: always to slots, so that the gradient may have another dtype than the data. `side`: as
/// of tile_grid.
template <class Engine, class Shape, class T>
void run_weight_tiles(WeightProduct<T> p, const Conv2dBackwardWeight& a, int side, Context& ctx) {
  p.grid = tile_grid(1, p.M, p.finish.N, p.K, Shape::M, Shape::N, Shape::K, side);
  p.finish.slot = a.d.w_count();
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(p.grid.splits * p.finish.slot) * sizeof(float));
  p.finish.partial = slots.as<float>();
  Engine::template start<Shape>(p, !p.a.aligned || !p.b.image.aligned, ctx.stream());
  add_weight_slots(a, slots, p.grid.splits, ctx);
}

template <class Engine, class T>
void run_weight(const Conv2dBackwardWeight& a, Context& ctx) {
  using Large = typename Engine::Large;
  using Small = typename Engine::Small;
  const WeightProduct<T> p = weight_product<T>(a);
  // Shares of the pixels fill the GPU: small tiles only where a large one would be mostly empty.
  const int side = p.M > Large::M / 2 && p.finish.N > Large::N / 2 ? Large::M : Small::M;
  if (side == Large::M && Large::smem() <= ctx.device().shared_per_block)
    run_weight_tiles<Engine, Large>(p, a, side, ctx);
  else
    run_weight_tiles<Engine, Small>(p, a, side, ctx);
  store_bias_gradient(a, ctx);
}

}  // namespace sumi::cuda
