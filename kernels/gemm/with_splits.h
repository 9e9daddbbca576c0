// Starting a product whose sums several blocks may share.
#pragma once
#include "kernels/core/context.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// Calls start(p); where several blocks share a sum, into slots of scratch that are added afterwards.
template <class Problem, class Start>
void with_splits(Problem p, std::int64_t rows, Context& ctx, Start&& start) {
  if (p.grid.splits == 1) return start(p);
  p.finish.slot = rows * p.finish.N;
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(p.grid.splits * p.finish.slot) * sizeof(float));
  p.finish.partial = slots.as<float>();
  start(p);
  launch_add_splits(p.finish, rows, p.grid.splits, ctx.stream());
}

/// Whether tiles of this size fill a GPU; if not, smaller ones do better.
inline bool fills(const DeviceInfo& gpu, const TileGrid& g) { return g.tiles() >= gpu.multiprocessors; }

}  // namespace sumi::cuda
