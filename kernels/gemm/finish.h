// What happens to a product's sums: scale, bias, residual, activation, store; or, where several blocks share the sum
// over k, one f32 slot for each of them, added in order by a second kernel.
#pragma once
#include "kernels/gemm/operand.h"
#include "kernels/map/activations.h"

namespace sumi::cuda {

/// y[row][n] = act(alpha * sum + bias[n] + residual[row][n]).
template <class T>
struct Finish {
  T* y = nullptr;
  int N = 0;
  float alpha = 1;
  const float* bias = nullptr;
  const T* residual = nullptr;
  Map act = Map::identity;
  float a = 0;
  float* partial = nullptr;  // [splits][slot], laid out as y; null: one block has the whole sum
  std::int64_t slot = 0;
};

/// One of the five activations.
__device__ __forceinline__ float activate(Map f, float x, float a) {
  if (f == Map::tanh) return map_value<Map::tanh>(x, a);
  if (f == Map::sigmoid) return map_value<Map::sigmoid>(x, a);
  return f == Map::identity || !(x < 0) ? x : f == Map::relu ? 0.f : a * x;
}

/// Sums of one row's columns n, n + 1, ...: `valid` of V. They become what is stored. What there is to do is asked once
/// for all of them: asked for each, it was two thirds of the instructions of a tile's end.
template <class T>
__device__ __forceinline__ void store_finished(const Finish<T>& f, float (&v)[kVector<T>], std::int64_t row, int n,
                                               int valid) {
  constexpr int V = kVector<T>;
  const std::int64_t at = row * f.N + n;
  const bool whole = valid == V && f.N % V == 0;
#pragma unroll
  for (int i = 0; i < V; i++) v[i] *= f.alpha;
  if (f.bias)
#pragma unroll
    for (int i = 0; i < V; i += 4) {
      const Vector<float> bias = load_run(f.bias + n + i, valid - i, whole);
#pragma unroll
      for (int e = 0; e < 4; e++) v[i + e] += bias.v[e];
    }
  if (f.residual) {
    const Vector<T> residual = load_run(f.residual + at, valid, whole);
#pragma unroll
    for (int i = 0; i < V; i++) v[i] += to_float(residual.v[i]);
  }
  activate(f.act, f.a, v);
  Vector<T> out;
#pragma unroll
  for (int i = 0; i < V; i++) v[i] = to_float(out.v[i] = from_float<T>(v[i]));
  if (whole) return store_vector(f.y + at, out);
#pragma unroll
  for (int i = 0; i < V; i++)
    if (i < valid) f.y[at + i] = out.v[i];
}

/// The sums as they are, to the slot of this block's share of k.
template <class T>
__device__ __forceinline__ void store_partial(const Finish<T>& f, const float (&v)[kVector<T>], std::int64_t row, int n,
                                              int valid, int split) {
  constexpr int V = kVector<T>;
  float* to = f.partial + split * f.slot + row * f.N + n;
  if (valid == V && f.N % 4 == 0) {
#pragma unroll
    for (int i = 0; i < V; i += 4) store_vector(to + i, Vector<float>{{v[i], v[i + 1], v[i + 2], v[i + 3]}});
  } else {
#pragma unroll
    for (int i = 0; i < V; i++)
      if (i < valid) to[i] = v[i];
  }
}

/// Stores a tile of sums tile[m][n] (pitch floats a row) from (m0, n0) of the product; row_of(m) is m's row in y.
template <class T, int kM, int kN, int kThreads, class RowOf>
__device__ __forceinline__ void store_tile(const Finish<T>& f, const float* tile, int pitch, int m0, int n0, int M,
                                           int split, RowOf row_of) {
  constexpr int V = kVector<T>;
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < kM * kN / V; i += kThreads) {
    const int m = i / (kN / V), n = i % (kN / V) * V, valid = f.N - n0 - n;
    if (m0 + m >= M || valid <= 0) continue;
    float v[V];
#pragma unroll
    for (int k = 0; k < V; k += 4) {
      const Vector<float> four = load_vector(tile + m * pitch + n + k);
      for (int e = 0; e < 4; e++) v[k + e] = four.v[e];
    }
    const int used = valid < V ? valid : V;
    if (f.partial)
      store_partial(f, v, row_of(m0 + m), n0 + n, used, split);
    else
      store_finished(f, v, row_of(m0 + m), n0 + n, used);
  }
}

namespace {

constexpr int kAddRuns = 32, kAddStrands = 8;

/// Adds the slots: strand s of a block takes slots s, s + 8, ... of 32 runs of V columns, then the strands are added in
/// order. One thread a run would wait for up to 128 loads, one after the other.
template <class T>
__global__ void __launch_bounds__(kAddRuns* kAddStrands) add_splits(Finish<T> f, std::int64_t rows, int splits) {
  constexpr int V = kVector<T>;
  __shared__ float sums[kAddStrands][V][kAddRuns];
  const int chunks = (f.N + V - 1) / V, lane = static_cast<int>(threadIdx.x), strand = static_cast<int>(threadIdx.y);
  const std::int64_t i = std::int64_t{blockIdx.x} * kAddRuns + lane, row = i / chunks;
  const int n = static_cast<int>(i % chunks) * V, left = f.N - n, valid = left < V ? left : V;
  float v[V] = {};
  if (row < rows) {
    const float* from = f.partial + row * f.N + n;
    for (int s = strand; s < splits; s += kAddStrands)
#pragma unroll
      for (int k = 0; k < V; k += 4) {
        const Vector<float> four = load_run(from + s * f.slot + k, valid - k < 4 ? valid - k : 4, f.N % 4 == 0);
        for (int e = 0; e < 4; e++) v[k + e] += four.v[e];
      }
  }
#pragma unroll
  for (int k = 0; k < V; k++) sums[strand][k][lane] = v[k];
  __syncthreads();
  if (strand > 0 || row >= rows) return;
  for (int s = 1; s < kAddStrands; s++)
#pragma unroll
    for (int k = 0; k < V; k++) v[k] += sums[s][k][lane];
  store_finished(f, v, row, n, valid);
}

}  // namespace

template <class T>
void launch_add_splits(const Finish<T>& f, std::int64_t rows, int splits, Stream stream) {
  const std::int64_t chunks = (f.N + kVector<T> - 1) / kVector<T>;
  launch(add_splits<T>, {blocks_for(rows * chunks, kAddRuns), dim3(kAddRuns, kAddStrands), 0, stream}, f, rows, splits);
}

}  // namespace sumi::cuda
