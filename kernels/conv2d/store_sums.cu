// Merges the slots of store_sums.h: 12 bytes a channel and slot, 8 channels, a sector, side by side and 4 or more
// threads for each.
#include "kernels/conv2d/store_sums.h"

#include "kernels/device/pixel_lanes.h"
#include "kernels/norm/merged_sums.h"

namespace sumi::cuda {
namespace {

constexpr int kAcross = 8;

__global__ void __launch_bounds__(kMostMergeThreads)
    merge_slots(MomentSlots slots, std::int64_t tiles, int per_slot, double pixels, float* mean, float* var) {
  __shared__ double sums[kMostMergeThreads], squares[kMostMergeThreads];
  const int C = slots.channels, of_image = (C + kAcross - 1) / kAcross, n = static_cast<int>(blockIdx.x) / of_image;
  const int wanted = (static_cast<int>(blockIdx.x) - n * of_image) * kAcross + static_cast<int>(threadIdx.x) % kAcross;
  const int c = wanted < C ? wanted : C - 1;
  const std::int64_t first = n * tiles / per_slot + n, end = ((n + 1) * tiles - 1) / per_slot + n + 1;
  const float* own = slots.sums + c;  // (slots,3,C)
  MergedSums merged(own[first * 3 * C]);
  struct Part {
    float shift, sum, square, count;
  };
  const auto load = [&](std::int64_t i) {
    const float* part = own + i * 3 * C;
    return Part{part[0], part[C], part[2 * C], slots.counts[i]};
  };
  for_each_in_batches(first + static_cast<int>(threadIdx.x) / kAcross, end, static_cast<int>(blockDim.x) / kAcross,
                      load, [&](const Part& p) { merged.add(p.shift, p.sum, p.square, static_cast<double>(p.count)); });
  merged.add_up(kAcross, sums, squares);
  if (static_cast<int>(threadIdx.x) >= kAcross || wanted >= C) return;
  const std::int64_t at = std::int64_t{n} * C + c;
  merged.store(pixels, mean + at, var + at);
}

}  // namespace

MomentsInStore::MomentsInStore(const Epilogue& e, std::int64_t images, std::int64_t tiles, int per_slot,
                               std::int64_t channels, Context& ctx)
    : epilogue_(e), images_(images), tiles_(tiles), channels_(channels), per_slot_(per_slot) {
  if (e.mean) memory_.emplace(ctx.scratch(static_cast<std::size_t>(count() * (3 * channels + 1)) * sizeof(float)));
}

MomentSlots MomentsInStore::slots() const {
  if (!memory_) return {};
  float* const sums = memory_->as<float>();
  return {sums, sums + count() * 3 * channels_, static_cast<int>(channels_)};
}

void MomentsInStore::merge(std::int64_t pixels, Context& ctx) const {
  if (!memory_) return;
  const std::int64_t blocks = images_ * ((channels_ + kAcross - 1) / kAcross), of_image = tiles_ / per_slot_ + 1;
  launch(merge_slots, {blocks_for(blocks, 1), merge_threads(of_image, kAcross), 0, ctx.stream()}, slots(), tiles_,
         per_slot_, static_cast<double>(pixels), epilogue_.mean.as<float>(), epilogue_.var.as<float>());
}

}  // namespace sumi::cuda
