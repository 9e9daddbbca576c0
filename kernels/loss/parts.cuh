// The second stage of a scalar sum: one block adds what the blocks of the first left, in a fixed order.
#pragma once
#include "kernels/device/elements.h"
#include "kernels/device/warp.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;

/// sum = factor * (parts[0] + ...).
__global__ void __launch_bounds__(kThreads)
    add_parts(const float* parts, std::int64_t count, float factor, float* sum) {
  __shared__ float shared[kThreads / 32];
  float mine = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) mine += parts[i];
  mine = block_sum(mine, shared);
  if (threadIdx.x == 0) *sum = mine * factor;
}

}  // namespace
}  // namespace sumi::cuda
