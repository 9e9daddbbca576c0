// How a line of a tile of results stands in shared memory, between the lanes that made it and those that store it.
#pragma once
#include "kernels/device/elements.h"

namespace sumi::cuda {

/// N floats. Tensor cores leave a lane two of a line's floats, 8 lines a warp; what is stored are runs of 8 floats a
/// lane, two chunks of 16 bytes: as they come, every fifth lane would meet the first one in its banks. So a line has
/// its even chunks first, then its odd ones, these turned by 16 banks, and lines stand 4 banks apart: both then take as
/// few passes as their bytes. Lines of less than 64 are as they come.
template <int N>
struct TileLine {
  static constexpr bool kSplit = N >= 64;
  static constexpr int kPitch = N + (kSplit ? 4 : 8);
  static_assert(N % 64 == 0 || !kSplit);

  /// Where float n stands.
  __device__ static __forceinline__ int place(int n) {
    if constexpr (!kSplit) return n;
    const int pair = n / 8;
    return n % 4 + (n & 4 ? N / 2 + (pair ^ 4) * 4 : pair * 4);
  }
  /// V floats from n on, a multiple of V.
  template <int V>
  __device__ static __forceinline__ void load(const float* line, int n, float (&v)[V]) {
    for (int k = 0; k < V; k += 4) {
      const Vector<float> four = load_vector(line + place(n + k));
      for (int e = 0; e < 4; e++) v[k + e] = four.v[e];
    }
  }
  template <int V>
  __device__ static __forceinline__ void store(float* line, int n, const float (&v)[V]) {
    for (int k = 0; k < V; k += 4)
      store_vector(line + place(n + k), Vector<float>{{v[k], v[k + 1], v[k + 2], v[k + 3]}});
  }
};

}  // namespace sumi::cuda
