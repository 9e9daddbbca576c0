// Reductions across a warp and a block, in a fixed order: the same bits every time.
#pragma once
#include "kernels/device/device.h"

namespace sumi {

/// The mask of all 32 lanes.
inline constexpr unsigned kWholeWarp = 0xffffffffu;

/// op over the 32 lanes, by a butterfly: every lane gets the result.
template <class T, class Op>
__device__ __forceinline__ T warp_reduce(T v, Op op) {
#pragma unroll
  for (int o = 16; o > 0; o /= 2) v = op(v, __shfl_xor_sync(kWholeWarp, v, o));
  return v;
}

/// The same over groups of `lanes` neighbours, a power of two up to 32; the whole warp must call it.
template <class T, class Op>
__device__ __forceinline__ T group_reduce(T v, int lanes, Op op) {
  for (int o = lanes / 2; o > 0; o /= 2) v = op(v, __shfl_xor_sync(kWholeWarp, v, o));
  return v;
}

/// warp_reduce with addition.
template <class T>
__device__ __forceinline__ T warp_sum(T v) {
  return warp_reduce(v, [](T a, T b) { return a + b; });
}

template <class T>
__device__ __forceinline__ T warp_max(T v) {
  return warp_reduce(v, [](T a, T b) { return a > b ? a : b; });
}

/// op over all threads of a one-dimensional block of whole warps: every thread gets the result. `shared` holds one T a
/// warp (at most 32) and may be used again at once.
template <class T, class Op>
__device__ __forceinline__ T block_reduce(T v, T* shared, Op op) {
  const int warps = static_cast<int>(blockDim.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  v = warp_reduce(v, op);
  if (lane == 0) shared[threadIdx.x / 32] = v;
  __syncthreads();
  T all = shared[0];
  for (int w = 1; w < warps; w++) all = op(all, shared[w]);
  __syncthreads();
  return all;
}

/// block_reduce with addition.
template <class T>
__device__ __forceinline__ T block_sum(T v, T* shared) {
  return block_reduce(v, shared, [](T a, T b) { return a + b; });
}

}  // namespace sumi
