// Merges the slots of store_sums.h: 12 bytes a channel and slot, 8 channels, a sector, side by side and 4 or more
// threads for each.
#include "kernels/conv2d/store_sums.h"

#include <algorithm>

#include "kernels/device/pixel_lanes.h"
#include "kernels/norm/merged_sums.h"

namespace sumi::cuda {
namespace {

constexpr int kAcross = 8;

__global__ void __launch_bounds__(kMostMergeThreads)
    merge_slots(const __grid_constant__ SlotPlan plan, MomentSlots slots, int C, double pixels, float* mean,
                float* var) {
  __shared__ double sums[kMostMergeThreads], squares[kMostMergeThreads];
  const int of_image = (C + kAcross - 1) / kAcross, n = static_cast<int>(blockIdx.x) / of_image;
  const int wanted = (static_cast<int>(blockIdx.x) - n * of_image) * kAcross + static_cast<int>(threadIdx.x) % kAcross;
  const int c = wanted < C ? wanted : C - 1, pitch = slots.pitch;
  const auto slot_of = [&](std::int64_t tile) { return tile / plan.per_slot + n; };
  const float* own = slots.sums + c;  // (slots,3,pitch)
  MergedSums merged(own[slot_of(std::int64_t{n} * plan.tiles[0]) * 3 * pitch]);
  struct Part {
    float shift, sum, square, count;
  };
  const auto load = [&](std::int64_t i) {
    const float* part = own + i * 3 * pitch;
    return Part{part[0], part[pitch], part[2 * pitch], slots.counts[i]};
  };
#pragma unroll 1
  for (int p = 0; p < plan.products; p++) {
    const std::int64_t before = std::int64_t{p} * plan.per_product, tiles = plan.tiles[p];
    const std::int64_t first = before + slot_of(n * tiles), end = before + slot_of((n + 1) * tiles - 1) + 1;
    for_each_in_batches(first + static_cast<int>(threadIdx.x) / kAcross, end, static_cast<int>(blockDim.x) / kAcross,
                        load,
                        [&](const Part& s) { merged.add(s.shift, s.sum, s.square, static_cast<double>(s.count)); });
  }
  merged.add_up(kAcross, sums, squares);
  if (static_cast<int>(threadIdx.x) >= kAcross || wanted >= C) return;
  const std::int64_t at = std::int64_t{n} * C + c;
  merged.store(pixels, mean + at, var + at);
}

}  // namespace

MomentsInStore::MomentsInStore(const Epilogue& e, std::int64_t images, const std::vector<std::int64_t>& tiles,
                               int per_slot, std::int64_t channels, Context& ctx)
    : mean_(e.mean), var_(e.var), images_(images), channels_(channels) {
  if (!mean_) return;
  const std::int64_t each = images * std::ranges::max(tiles) / per_slot + images;
  plan_ = {.products = static_cast<int>(tiles.size()), .per_slot = per_slot, .per_product = static_cast<int>(each)};
  std::ranges::transform(tiles, plan_.tiles, [](std::int64_t n) { return static_cast<int>(n); });
  memory_.emplace(ctx.scratch(static_cast<std::size_t>(count() * (3 * pitch() + 1)) * sizeof(float)));
}

MomentSlots MomentsInStore::slots() const {
  if (!memory_) return {};
  float* const sums = memory_->as<float>();
  return {sums, sums + count() * 3 * pitch(), static_cast<int>(pitch()), plan_.per_product};
}

void MomentsInStore::merge(std::int64_t pixels, Context& ctx) const {
  if (!memory_) return;
  const std::int64_t blocks = images_ * ((channels_ + kAcross - 1) / kAcross);
  launch(merge_slots, {blocks_for(blocks, 1), merge_threads(plan_.per_product / images_, kAcross), 0, ctx.stream()},
         plan_, slots(), static_cast<int>(channels_), static_cast<double>(pixels), mean_.as<float>(), var_.as<float>());
}

}  // namespace sumi::cuda
