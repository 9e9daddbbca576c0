// What happens to a product's sums: scale, bias, residual, activation, store; or, where several blocks share the sum
// over k, one f32 slot for each of them, added in order by a second kernel.
#pragma once
#include "kernels/device/warp.h"
#include "kernels/gemm/operand.h"
#include "kernels/gemm/tile_grid.h"
#include "kernels/gemm/tile_line.h"
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

/// Four sums as they are, to the slot of this block's share of k.
template <class T>
__device__ __forceinline__ void store_partial(const Finish<T>& f, const Vector<float>& sums, std::int64_t row, int n,
                                              int split) {
  const int valid = f.N - n;
  float* to = f.partial + split * f.slot + row * f.N + n;
  if (valid >= 4 && f.N % 4 == 0) return store_vector(to, sums);
#pragma unroll
  for (int i = 0; i < 4; i++)
    if (i < valid) to[i] = sums.v[i];
}

/// A problem with `sums`, which want to see what is stored: wanted() and add() as those of conv2d/tile_sums.h.
template <class Problem>
concept SumsItsStores = requires(const Problem& p) {
  p.sums;
};

template <class Problem>
__device__ __forceinline__ bool wants_sums(const Problem& p) {
  if constexpr (SumsItsStores<Problem>)
    return p.sums.wanted();
  else
    return false;
}

/// Stores a block's tile of sums [m][n] as they are: 16 bytes a lane, so that lanes side by side fill whole sectors.
template <class Shape, class Problem, class Part>
__device__ __forceinline__ void store_partials(const Problem& problem, const Part& part, const TileGrid::Place& place,
                                               const float* tile) {
  using Line = TileLine<Shape::N>;
  const int m0 = place.m * Shape::M, n0 = place.n * Shape::N;
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < Shape::M * Shape::N / 4; i += Shape::threads) {
    const int m = i / (Shape::N / 4), n = i % (Shape::N / 4) * 4;
    if (m0 + m < part.M && n0 + n < problem.finish.N)
      store_partial(problem.finish, load_vector(tile + m * Line::kPitch + Line::place(n)), part.row_of(m0 + m), n0 + n,
                    place.split);
  }
}

/// Stores a block's tile of sums [m][n]. If statistics of it are wanted, what is stored takes the sums' place.
template <class Shape, class Problem, class Part>
__device__ __forceinline__ void store_tile(const Problem& problem, const Part& part, const TileGrid::Place& place,
                                           float* tile) {
  using T = typename Problem::Element;
  using Line = TileLine<Shape::N>;
  constexpr int V = kVector<T>, kRuns = Shape::N / V;
  const Finish<T>& f = problem.finish;
  if (f.partial) return store_partials<Shape>(problem, part, place, tile);
  const int m0 = place.m * Shape::M, n0 = place.n * Shape::N;
  const bool summed = wants_sums(problem);
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < Shape::M * kRuns; i += Shape::threads) {
    const int m = i / kRuns, n = i % kRuns * V, valid = f.N - n0 - n;
    if (m0 + m >= part.M || valid <= 0) continue;
    float* line = tile + m * Line::kPitch;
    float v[V];
    Line::load(line, n, v);
    store_finished(f, v, part.row_of(m0 + m), n0 + n, valid < V ? valid : V);
    if (summed) Line::store(line, n, v);
  }
}

/// This block's place, found behind its steps: kept, it would take registers through all of them. The shuffle hides
/// from the compiler that it was found before.
template <class Problem>
__device__ __forceinline__ TileGrid::Place place_again(const Problem& problem) {
  return problem.grid.place(__shfl_sync(kWholeWarp, blockIdx.x, 0));
}

/// Statistics of a block's tile as store_tile leaves it, if they are wanted; place_of() is the block's place.
template <class Shape, class Problem, class PlaceOf>
__device__ __forceinline__ void sum_tile(const Problem& problem, float* tile, PlaceOf&& place_of) {
  if constexpr (SumsItsStores<Problem>) {
    if (!problem.sums.wanted()) return;
    __syncthreads();
    const TileGrid::Place place = place_of();
    const auto part = problem.part(place.product);
    problem.sums.template add<Shape::M, Shape::N, Shape::threads>({.values = tile,
                                                                   .thread = static_cast<int>(threadIdx.x),
                                                                   .product = part.phase,
                                                                   .m0 = place.m * Shape::M,
                                                                   .n0 = place.n * Shape::N,
                                                                   .M = part.M,
                                                                   .pixels = part.pixels()},
                                                                  [] { __syncthreads(); });
  }
}

namespace {

constexpr int kAddThreads = 256;

/// Adds the slots. A block has 2^run_bits runs of W columns, its other threads are strands: strand s of S takes slots
/// s, s + S, ..., four of them under way before the first is added, and then the strands are added in order.
template <class T, int W>
__global__ void __launch_bounds__(kAddThreads)
    add_splits(Finish<T> f, std::int64_t all_runs, int splits, int run_bits) {
  constexpr int kBatch = 4, kPart = W < 4 ? W : 4;
  __shared__ float sums[W][kAddThreads];
  const int t = static_cast<int>(threadIdx.x), runs = 1 << run_bits, strands = kAddThreads >> run_bits;
  const std::int64_t run = (std::int64_t{blockIdx.x} << run_bits) + (t & (runs - 1));
  float v[kVector<T>] = {};
  if (run < all_runs) {
    int s = t >> run_bits;
    const float* from = f.partial + s * f.slot + run * W;
    const std::int64_t step = strands * f.slot;
#pragma unroll 1
    for (; s < splits; s += kBatch * strands, from += kBatch * step) {
      Vector<float, kPart> held[kBatch][W / kPart] = {};
#pragma unroll
      for (int b = 0; b < kBatch; b++)
        if (s + b * strands < splits)
#pragma unroll
          for (int k = 0; k < W / kPart; k++) held[b][k] = load_vector<float, kPart>(from + b * step + k * kPart);
#pragma unroll
      for (int b = 0; b < kBatch; b++)
#pragma unroll
        for (int k = 0; k < W; k++) v[k] += held[b][k / kPart].v[k % kPart];
    }
  }
  for (int o = 16; o >= runs; o /= 2)
#pragma unroll
    for (int k = 0; k < W; k++) v[k] += __shfl_xor_sync(0xffffffffu, v[k], o);
#pragma unroll
  for (int k = 0; k < W; k++) sums[k][t] = v[k];
  __syncthreads();
  if (t >= runs || run >= all_runs) return;
  for (int from = t + (runs < 32 ? 32 : runs); from < kAddThreads; from += runs < 32 ? 32 : runs)
#pragma unroll
    for (int k = 0; k < W; k++) v[k] += sums[k][from];
  const std::int64_t row = run * W / f.N;
  store_finished(f, v, row, static_cast<int>(run * W - row * f.N), W);
}

}  // namespace

/// As many strands, up to 32, as give each up to four slots: one round of latency up to 128 slots, 8 of 1024.
template <class T>
void launch_add_splits(const Finish<T>& f, std::int64_t rows, int splits, Stream stream) {
  const bool whole = f.N % kVector<T> == 0;
  const std::int64_t all_runs = rows * f.N / (whole ? kVector<T> : 1);
  int run_bits = 8;
  while (run_bits > 3 && splits > 4 << (8 - run_bits)) run_bits--;
  launch(whole ? add_splits<T, kVector<T>> : add_splits<T, 1>,
         {blocks_for(all_runs, std::int64_t{1} << run_bits), kAddThreads, 0, stream}, f, all_runs, splits, run_bits);
}

}  // namespace sumi::cuda
