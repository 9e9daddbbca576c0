// x is seen as [O,R,I] and reduced over R: y is [O,I]. Bytes: every element of x once; y is small. An element costs one
// addition, so the floor is the memory's: 32 MiB at 3.35 TB/s are 10 us. Each rung changes one thing:
//
//   naive        a thread per element of y. Rows of 128: 8 times the sectors, 40 to 80 us expected
//   warp         a warp per row: neighbouring lanes read neighbours. 11 to 16 us; a single row 40 to 160 ms
//   vectorized   16 bytes a lane, no more lanes than a row has vectors. 11 to 13 us; a single row 10 to 40 ms
//   split        a row is cut in parts for several blocks, so that few long rows, or one, occupy the whole GPU. A
//                single row 14 to 17 us
#include <algorithm>
#include <numeric>

#include "kernels/device/pixel_lanes.h"
#include "kernels/device/warp.h"
#include "kernels/reduce/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;

/// What all rungs take: f, and where y goes, in its dtype, times `factor`.
struct Result {
  Reduction f;
  void* y;
  DType dtype;
  float factor;

  __device__ __forceinline__ float none() const {
    return f == Reduction::max ? -std::numeric_limits<float>::infinity() : 0.f;
  }
  __device__ __forceinline__ float merge(float a, float b) const {
    if (f == Reduction::max) return (b > a) | (b != b) ? b : a;  // a NaN once taken stays
    return a + b;
  }
  template <class T, int V>
  __device__ __forceinline__ void merge_all(float (&sums)[V], const Vector<T, V>& v) const {
#pragma unroll
    for (int e = 0; e < V; e++) sums[e] = merge(sums[e], to_float(v.v[e]));
  }
  __device__ __forceinline__ void put(std::int64_t i, float v) const {
    v *= factor;
    if (dtype == DType::f32)
      static_cast<float*>(y)[i] = v;
    else if (dtype == DType::f16)
      static_cast<__half*>(y)[i] = from_float<__half>(v);
    else
      static_cast<__nv_bfloat16*>(y)[i] = from_float<__nv_bfloat16>(v);
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    naive(const T* x, std::int64_t O, std::int64_t R, std::int64_t I, const Result y) {
  const std::int64_t k = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k >= O * I) return;
  const std::int64_t o = k / I, i = k - o * I;
  float sum = y.none();
  for (std::int64_t r = 0; r < R; r++) sum = y.merge(sum, to_float(x[(o * R + r) * I + i]));
  y.put(k, sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads) warp(const T* x, std::int64_t O, std::int64_t R, const Result y) {
  const std::int64_t o = std::int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32;
  if (o >= O) return;
  float sum = y.none();
  for (std::int64_t r = threadIdx.x % 32; r < R; r += 32) sum = y.merge(sum, to_float(x[o * R + r]));
  sum = warp_reduce(sum, [&](float a, float b) { return y.merge(a, b); });
  if (threadIdx.x % 32 == 0) y.put(o, sum);
}

/// `lanes`, a power of two up to 32, share a row. Rows are whole vectors.
template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    vectorized(const T* x, std::int64_t O, std::int64_t R, int lanes, const Result y) {
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const std::int64_t o = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / lanes;
  float sum = y.none();
  if (o < O) {
    float sums[V];  // (V): a chain of additions each
    for (float& s : sums) s = sum;
    const T* from = x + o * R;
    for_each_in_batches(
        lane * V, R, lanes * V, [&](std::int64_t r) { return load_vector<T, V>(from + r); },
        [&](const Vector<T, V>& v) { y.merge_all(sums, v); });
    for (const float s : sums) sum = y.merge(sum, s);
  }
  sum = group_reduce(sum, lanes, [&](float a, float b) { return y.merge(a, b); });
  if (lane == 0 && o < O) y.put(o, sum);
}

/// How the last rung walks x. `fold` rows of I elements that are no whole vectors stand side by side as one of W that
/// are; the few rows that are left over go to the last part.
struct Cut {
  std::int64_t R, W;  // folded rows and their width
  int fold;
  std::int64_t rows, parts;  // folded rows of a part; parts
  std::int64_t tiles;        // of the width
  int width, groups;         // vectors of a tile; groups of threads that take turns in its rows
};

/// A block takes one tile of one part: thread (group, column) adds every groups-th row of its vector.
template <class T, int V>
__global__ void __launch_bounds__(kThreads, 4)
    split(const T* x, std::int64_t R, std::int64_t I, const Cut c, const Result y) {
  __shared__ float shared[V * kThreads];  // (V, groups, width)
  const int t = static_cast<int>(threadIdx.x), group = t / c.width;
  const std::int64_t tile = blockIdx.x % c.tiles, slot = blockIdx.x / c.tiles;  // slot: (O, parts)
  const std::int64_t part = slot % c.parts, first = part * c.rows, last = std::min(c.R, first + c.rows);
  const std::int64_t column = (tile * c.width + t % c.width) * V;
  const bool live = group < c.groups && column < c.W;
  const T* from = x + slot / c.parts * R * I;

  float sums[V];
  for (float& s : sums) s = y.none();
  if (live) {
    const T* mine = from + column;
    for_each_in_batches(
        first + group, last, c.groups, [&](std::int64_t r) { return load_vector<T, V>(mine + r * c.W); },
        [&](const Vector<T, V>& v) { y.merge_all(sums, v); });
  }
  for (int e = 0; e < V; e++) shared[e * kThreads + t] = sums[e];
  for (int left = c.groups; left > 1;) {
    const int half = (left + 1) / 2;
    __syncthreads();
    if (group + half < left)
      for (int e = 0; e < V; e++) {
        float& mine = shared[e * kThreads + t];
        mine = y.merge(mine, shared[e * kThreads + t + half * c.width]);
      }
    left = half;
  }
  __syncthreads();

  // Thread t finishes elements t, t + 256, ... of the tile, or of the row where rows are folded.
  const std::int64_t begin = tile * c.width * V, end = c.fold > 1 ? I : std::min(I, begin + c.width * V);
  for (std::int64_t i = begin + t; i < end; i += kThreads) {
    float sum = y.none();
    for (int k = 0; k < c.fold; k++) {
      const int at = static_cast<int>(i - begin + k * I);
      sum = y.merge(sum, shared[at % V * kThreads + at / V]);
    }
    if (part == c.parts - 1)
      for (std::int64_t r = c.R * c.fold; r < R; r++) sum = y.merge(sum, to_float(from[r * I + i]));
    y.put(slot * I + i, sum);
  }
}

// ------------------------------------------------------------------ launches

template <class T>
void launch_vectorized(const T* x, const ReduceView& v, const Result& y, Stream stream) {
  constexpr int V = kVector<T>;
  const int vector = v.R % V == 0 ? V : 1;
  int lanes = 1;
  while (lanes < 32 && lanes * vector < v.R) lanes *= 2;
  const Launch l{blocks_for(v.O, kThreads / lanes), kThreads, 0, stream};
  vector == V ? launch(vectorized<T, V>, l, x, v.O, v.R, lanes, y) : launch(vectorized<T, 1>, l, x, v.O, v.R, lanes, y);
}

/// By the shape alone, so that every GPU adds in the same order. 512 blocks are 4 for each of an H100's 132 SMs, 64 KiB
/// of loads in flight on each; a thread has 8 rows at least.
Cut cut(const ReduceView& v, int vector, bool whole) {
  constexpr std::int64_t kBlocks = 512, kRows = 8;
  const int fold = vector / static_cast<int>(std::gcd(v.I, std::int64_t{vector}));
  Cut c;
  c.R = v.R / fold, c.W = v.I * fold, c.fold = fold;
  const std::int64_t vectors = c.W / vector, most = fold > 1 ? kThreads : whole ? 4 : c.R < 16 ? kThreads : 64;
  c.tiles = (vectors + most - 1) / most;
  c.width = static_cast<int>((vectors + c.tiles - 1) / c.tiles);
  c.groups = kThreads / c.width;
  const std::int64_t wanted = whole ? 1 : (kBlocks + v.O * c.tiles - 1) / (v.O * c.tiles);
  const std::int64_t parts = std::clamp<std::int64_t>(c.R / (c.groups * kRows), 1, wanted);
  c.rows = (c.R + parts - 1) / parts;
  c.parts = c.rows > 0 ? (c.R + c.rows - 1) / c.rows : 1;
  return c;
}

/// Whether rows of I elements can be read as whole vectors, several side by side if need be.
bool folds(const ReduceView& v, int vector) {
  const std::int64_t fold = vector / std::gcd(v.I, std::int64_t{vector});
  return fold == 1 || ((v.O == 1 || v.R * v.I % vector == 0) && v.R >= fold && v.I * fold <= kThreads * vector);
}

template <class T>
void launch_cut(const T* x, const ReduceView& v, const Cut& c, bool vectors, const Result& y, Stream stream) {
  const Launch l{blocks_for(v.O * c.parts * c.tiles, 1), kThreads, 0, stream};
  vectors ? launch(split<T, kVector<T>>, l, x, v.R, v.I, c, y) : launch(split<T, 1>, l, x, v.R, v.I, c, y);
}

template <class T>
void launch_split(const T* x, const ReduceView& v, const Result& y, Context& ctx) {
  if (v.I == 1 && (v.R <= 1024 || v.O >= 4096)) return launch_vectorized(x, v, y, ctx.stream());
  const bool vectors = folds(v, kVector<T>);
  const Cut c = cut(v, vectors ? kVector<T> : 1, false);
  if (c.parts == 1) return launch_cut(x, v, c, vectors, y, ctx.stream());
  const Scratch partial = ctx.scratch(static_cast<std::size_t>(v.O * c.parts * v.I) * sizeof(float));
  launch_cut(x, v, c, vectors, {y.f, partial.as<void>(), DType::f32, 1}, ctx.stream());
  const ReduceView rest{.O = v.O, .R = c.parts, .I = v.I};
  const bool again = folds(rest, kVector<float>);
  launch_cut<float>(partial.as<float>(), rest, cut(rest, again ? kVector<float> : 1, true), again, y, ctx.stream());
}

/// Calls rung(x, view, result) for each pass; what lies between two passes is f32.
template <class Rung>
void in_passes(const Reduce& a, Context& ctx, Rung&& rung) {
  const auto passes = passes_of(a);
  std::vector<Scratch> between;
  TensorRef x = a.x;
  for (std::size_t p = 0; p < passes.size(); p++) {
    const ReduceView& v = passes[p];
    const bool last = p + 1 == passes.size();
    Result y{a.f, a.y.data, a.y.dtype, last && a.f == Reduction::mean ? static_cast<float>(1 / a.reduction()) : 1.f};
    if (!last) {
      between.push_back(ctx.scratch(static_cast<std::size_t>(v.O * v.I) * sizeof(float)));
      y.y = between.back().as<void>(), y.dtype = DType::f32;
    }
    visit_gpu_float(x.dtype, [&](auto t) { rung(x.as<decltype(t)>(), v, y); });
    x = {y.y, y.dtype};
  }
}

}  // namespace

void reduce_naive(const Reduce& a, Context& ctx) {
  in_passes(a, ctx, [&]<class T>(const T* x, const ReduceView& v, const Result& y) {
    launch(naive<T>, {blocks_for(v.O * v.I, kThreads), kThreads, 0, ctx.stream()}, x, v.O, v.R, v.I, y);
  });
}

void reduce_warp(const Reduce& a, Context& ctx) {
  in_passes(a, ctx, [&]<class T>(const T* x, const ReduceView& v, const Result& y) {
    launch(warp<T>, {blocks_for(v.O, kThreads / 32), kThreads, 0, ctx.stream()}, x, v.O, v.R, y);
  });
}

void reduce_vectorized(const Reduce& a, Context& ctx) {
  in_passes(a, ctx, [&]<class T>(const T* x, const ReduceView& v, const Result& y) {
    launch_vectorized(x, v, y, ctx.stream());
  });
}

void reduce_split(const Reduce& a, Context& ctx) {
  in_passes(a, ctx, [&]<class T>(const T* x, const ReduceView& v, const Result& y) { launch_split(x, v, y, ctx); });
}

}  // namespace sumi::cuda
