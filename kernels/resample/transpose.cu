// Pixel shuffle is many small transpositions: a pixel's (C, b b) matrix to (b b, C). A thread takes b b V neighbouring
// elements of the small image and writes V channels to each of its b b pixels in the large one, so that the matrix
// turns in registers; where V does not divide C or b is neither 2 nor 4, V = 1. V b b elements are 64 bytes (16-bit, b
// = 2 and 4) or less. Bytes: x and y once each.
#include "kernels/device/elements.h"
#include "kernels/resample/transpose.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;

struct Shuffle {
  std::int64_t count;  // threads with work: pixels of the small image times C / V
  int W, C, block;     // C: of the large image
  bool inverse;
};

/// U: the storage as an integer. B 0: any block, V 1.
template <class U, int V, int B>
__global__ void __launch_bounds__(kThreads) shuffle(const U* __restrict__ x, U* __restrict__ y, Shuffle s) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= s.count) return;
  const int b = B ? B : s.block, vectors = s.C / V;
  const std::int64_t pixel = i / vectors, row = pixel / s.W, column = pixel - row * s.W;
  const int c = static_cast<int>(i - pixel * vectors) * V;
  const std::int64_t small = (pixel * s.C + c) * b * b;                 // of (N H, W, C, b, b)
  const std::int64_t large = ((row * b * s.W + column) * b) * s.C + c;  // of (N H, b, W, b, C)
  const auto corner = [&](int k) { return large + (std::int64_t{k / b} * s.W * b + k % b) * s.C; };
  if constexpr (B == 0) {
    for (int k = 0; k < b * b; k++) y[s.inverse ? small + k : corner(k)] = x[s.inverse ? corner(k) : small + k];
  } else {
    constexpr int kAll = V * B * B;
    Vector<U, kAll> matrix;  // (V, b, b)
    if (s.inverse) {
#pragma unroll
      for (int k = 0; k < B * B; k++) {
        const Vector<U, V> v = load_vector<U, V>(x + corner(k));
#pragma unroll
        for (int e = 0; e < V; e++) matrix.v[e * B * B + k] = v.v[e];
      }
#pragma unroll
      for (int j = 0; j < kAll; j += kVector<U>) {
        Vector<U> v;
#pragma unroll
        for (int e = 0; e < kVector<U>; e++) v.v[e] = matrix.v[j + e];
        store_vector(y + small + j, v);
      }
      return;
    }
#pragma unroll
    for (int j = 0; j < kAll; j += kVector<U>) {
      const Vector<U> v = load_vector(x + small + j);
#pragma unroll
      for (int e = 0; e < kVector<U>; e++) matrix.v[j + e] = v.v[e];
    }
#pragma unroll
    for (int k = 0; k < B * B; k++) {
      Vector<U, V> v;
#pragma unroll
      for (int e = 0; e < V; e++) v.v[e] = matrix.v[e * B * B + k];
      store_vector(y + corner(k), v);
    }
  }
}

template <class U, int V, int B>
void run(const PixelShuffle& a, Context& ctx) {
  const std::int64_t C = a.d.C / a.block / a.block;
  const Shuffle s{a.d.N * a.d.H * a.d.W * (C / V), static_cast<int>(a.d.W), static_cast<int>(C), a.block, a.inverse};
  if (s.count == 0) return;
  launch(shuffle<U, V, B>, {blocks_for(s.count, kThreads), kThreads, 0, ctx.stream()}, a.x.as<U>(), a.y.as<U>(), s);
}

template <class U>
void run(const PixelShuffle& a, Context& ctx) {
  constexpr int kV2 = kVector<U>, kV4 = kVector<U> / 4;
  const std::int64_t C = a.d.C / a.block / a.block;
  if (a.block == 2 && C % kV2 == 0) return run<U, kV2, 2>(a, ctx);
  if (a.block == 4 && C % kV4 == 0) return run<U, kV4, 4>(a, ctx);
  run<U, 1, 0>(a, ctx);
}

}  // namespace

void pixel_shuffle_transpose(const PixelShuffle& a, Context& ctx) {
  size_of(a.dtype()) == 2 ? run<unsigned short>(a, ctx) : run<unsigned>(a, ctx);
}

}  // namespace sumi::cuda
