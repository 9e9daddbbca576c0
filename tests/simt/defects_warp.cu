// Warps: masks, lanes that are missing, and shared memory between lanes without a barrier of the warp.
#include "kernels/device/warp.h"
#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

enum class Warp { right, half_mask, not_in_mask, divergent, missing_lanes, width, few_steps, from_outside };

/// Every lane gets the warp's sum.
template <Warp D>
__global__ void warp_total(const float* x, float* y, int n) {
  const int lane = static_cast<int>(threadIdx.x);
  float v = lane < n ? x[lane] : 0;
  const unsigned mask = D == Warp::half_mask || (D == Warp::not_in_mask && lane >= 16) ? 0xffffu : kWholeWarp;
  if (D == Warp::missing_lanes && lane >= n) return;
  for (int o = 16; o > (D == Warp::few_steps ? 1 : 0); o /= 2) {
    if (D == Warp::divergent && lane >= 16)
      v += __shfl_down_sync(kWholeWarp, v, static_cast<unsigned>(o));
    else if (D == Warp::half_mask && lane < 16)
      v += __shfl_xor_sync(mask, v, o);
    else if (D != Warp::half_mask)
      v += __shfl_xor_sync(mask, v, o, D == Warp::width ? 16 : 32);
  }
  if (D == Warp::from_outside) v = lane < 16 ? __shfl_sync(0xffffu, v, 20) : v;
  y[lane] = v;
}

template <Warp D>
bool run_warp_total(bool seeded) {
  const OnDevice<float> x(counting(30)), y(32);
  launch(seeded ? warp_total<D> : warp_total<Warp::right>, {1, 32}, x.get(), y.get(), 30);
  return y.read() == std::vector<float>(32, 465);
}

enum class Tree { right, no_barrier, shuffle_as_barrier, half_barrier, fence_as_barrier };

/// The warp's sum by a tree in shared memory.
template <Tree D>
__global__ void tree(const float* x, float* y) {
  __shared__ float s[32];
  const unsigned lane = threadIdx.x;
  s[lane] = x[lane];
  const auto meet = [&] {
    if (D == Tree::right) __syncwarp();
    if (D == Tree::shuffle_as_barrier) __shfl_sync(kWholeWarp, 0, 0);
    if (D == Tree::fence_as_barrier) __threadfence_block();
    if (D == Tree::half_barrier) __syncwarp(lane < 16 ? 0xffffu : 0xffff0000u);
  };
  for (unsigned o = 16; o > 0; o /= 2) {
    meet();
    const float v = s[lane] + s[(lane + o) % 32];
    meet();
    s[lane] = v;
  }
  y[lane] = s[lane];
}

template <Tree D>
bool run_tree(bool seeded) {
  const OnDevice<float> x(counting(32)), y(32);
  launch(seeded ? tree<D> : tree<Tree::right>, {1, 32}, x.get(), y.get());
  return y.read() == std::vector<float>(32, 528);
}

template <bool Bad>
__global__ void broadcast(const float* x, float* y) {
  __shared__ float s[2];
  const unsigned warp = threadIdx.x / 32;
  if (threadIdx.x % 32 == 0) s[warp] = x[warp];
  __syncwarp();
  y[threadIdx.x] = s[Bad ? 1 - warp : warp];
}

bool run_broadcast(bool seeded) {
  const OnDevice<float> x(std::vector<float>(2, 3)), y(64);
  launch(seeded ? broadcast<true> : broadcast<false>, {1, 64}, x.get(), y.get());
  return y.read() == std::vector<float>(64, 3);
}

}  // namespace

std::vector<Defect> warp_defects() {
  return {
      {"warp sum: half of the warp is left out", run_warp_total<Warp::half_mask>, everywhere},
      {"warp sum: lanes outside their own mask", run_warp_total<Warp::not_in_mask>, everywhere},
      {"warp sum: shuffles of both branches", run_warp_total<Warp::divergent>, everywhere},
      {"warp sum: two lanes have left", run_warp_total<Warp::missing_lanes>, everywhere},
      {"warp sum: width of half a warp", run_warp_total<Warp::width>, everywhere},
      {"warp sum: one step too few", run_warp_total<Warp::few_steps>, everywhere},
      {"warp sum: value of a lane outside the mask", run_warp_total<Warp::from_outside>, everywhere},
      {"tree: no barrier", run_tree<Tree::no_barrier>, everywhere},
      {"tree: a shuffle for a barrier", run_tree<Tree::shuffle_as_barrier>, race},
      {"tree: a fence for a barrier", run_tree<Tree::fence_as_barrier>, everywhere},
      {"tree: halves of the warp meet apart", run_tree<Tree::half_barrier>, everywhere},
      {"broadcast: the other warp's value after a barrier of the own", run_broadcast, everywhere},
  };
}

}  // namespace sumi::test
