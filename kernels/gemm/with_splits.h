// Starting a product whose sums several blocks may share.
#pragma once
#include "kernels/core/context.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// Calls start(p); where several blocks share a sum, into slots of scratch that add(finish) adds afterwards.
template <class Problem, class Start, class Add>
void with_splits(Problem p, std::int64_t rows, Context& ctx, Start&& start, Add&& add) {
  if (p.grid.splits == 1) return start(p);
  p.finish.slot = rows * p.finish.N;
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(p.grid.splits * p.finish.slot) * sizeof(float));
  p.finish.partial = slots.as<float>();
  start(p);
  add(p.finish);
}
template <class Problem, class Start>
void with_splits(const Problem& p, std::int64_t rows, Context& ctx, Start&& start) {
  with_splits(p, rows, ctx, start,
              [&](const auto& finish) { launch_add_splits(finish, rows, p.grid.splits, ctx.stream()); });
}

/// What the busiest multiprocessor multiplies, with tiles of one shape: results times columns of k.
template <class Shape>
std::int64_t longest_work(const DeviceInfo& gpu, const TileGrid& g) {
  const std::int64_t rounds = (g.tiles() * g.splits + gpu.multiprocessors - 1) / gpu.multiprocessors;
  return rounds * Shape::M * Shape::N * g.k_per_split;
}

/// Whether large tiles do better: a block may have their shared memory, and the busiest multiprocessor is done sooner.
/// Small ones take a quarter more for the same work, as they read more for it. grid_of(m, n, k): of tiles m x n.
template <class Large, class Small, class GridOf>
bool large_tiles_pay(const DeviceInfo& gpu, GridOf&& grid_of) {
  return Large::smem() <= gpu.shared_per_block &&
         4 * longest_work<Large>(gpu, grid_of(Large::M, Large::N, Large::K)) <=
             5 * longest_work<Small>(gpu, grid_of(Small::M, Small::N, Small::K));
}

}  // namespace sumi::cuda
