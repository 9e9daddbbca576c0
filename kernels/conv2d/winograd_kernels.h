// Tiles into Winograd's domain and back, and filters: the kernels around the products of winograd.cu, with what is
// fused into the load and the store. A thread takes one tile of 4 bytes of channels, so that a warp reads and writes
// 128 contiguous bytes; a block takes 8 neighbouring tiles, which find the columns that their patches share in L1, or,
// on the way back in f16, 16: so many leave one set of sums for a norm that follows.
#pragma once
#include "kernels/conv2d/image_operand.h"
#include "kernels/conv2d/store_sums.h"
#include "kernels/conv2d/winograd_transforms.h"
#include "kernels/gemm/finish.h"

namespace sumi::cuda {

inline constexpr int kWinogradLanes = 32, kInputTiles = 8, kWinogradFilters = 256;
/// Tiles of a block on the way back: 128 pixels, or 64.
template <class F>
inline constexpr int kOutputTiles = F::tile == 4 ? 8 : 16;
/// Channels of a thread.
template <class T>
inline constexpr int kPack = static_cast<int>(4 / sizeof(T));

/// Rows or columns: tile t makes outputs from t * F::tile on, and reads inputs from t * F::tile - before on.
struct WinogradAxis {
  int in, out, before, tiles;
  /// The index that element i of tile t's patch has in the image, or -1: a zero, or beyond what kept outputs need.
  template <class F>
  __device__ __forceinline__ int source(int t, int i, PadMode mode) const {
    const int at = t * F::tile + i - before, mirrored = at < 0 ? -at : at < in ? at : 2 * in - 2 - at;
    const int folded = mode == PadMode::reflect ? mirrored : at;
    const int clamped = folded < 0 ? 0 : folded < in ? folded : in - 1;
    return at >= out + 2 - before || (mode == PadMode::zero && clamped != at) ? -1 : clamped;
  }
};

/// Tiles [first, first + count) of all images, in row-major order, and how a block finds its part of them.
struct WinogradTiles {
  int first, count, channel_blocks;

  __device__ int index() const {
    return static_cast<int>(blockIdx.x) / channel_blocks * static_cast<int>(blockDim.y) + static_cast<int>(threadIdx.y);
  }
  __device__ int channel(int pack) const {
    return (static_cast<int>(blockIdx.x) % channel_blocks * kWinogradLanes + static_cast<int>(threadIdx.x)) * pack;
  }
};

struct WinogradPlace {
  int n, row, column;
  __device__ WinogradPlace(int tile, const WinogradAxis& h, const WinogradAxis& w) {
    const int line = tile / w.tiles;
    column = tile - line * w.tiles, n = line / h.tiles, row = line - n * h.tiles;
  }
};

/// identity, relu or leaky_relu without a branch; a NaN passes, and relu of -inf is 0.
struct Ramp {
  float slope;
  bool cut;
  __device__ Ramp(Map act, float a) : slope(act == Map::leaky_relu ? a : 1.f), cut(act == Map::relu) {}
  __device__ __forceinline__ float operator()(float x) const {
    const float low = cut ? 0.f : slope * x;
    return x < 0 ? low : x;
  }
};

/// What is read: the image, and what is applied to it.
template <class T>
struct WinogradInput {
  const T* x;
  WinogradAxis h, w;
  int C;
  PadMode mode;
  LoadMap map;
};

/// The rows and columns of the image that a tile's patch has; -1: a zero.
template <class F>
struct WinogradPatch {
  int rows[F::patch], columns[F::patch], missing = 0;  // missing: negative where one is
  template <class T>
  __device__ __forceinline__ WinogradPatch(const WinogradInput<T>& in, const WinogradPlace& at) {
#pragma unroll
    for (int i = 0; i < F::patch; i++) {
      rows[i] = in.h.template source<F>(at.row, i, in.mode);
      columns[i] = in.w.template source<F>(at.column, i, in.mode);
      missing |= rows[i] | columns[i];
    }
  }
};

/// V channels of a patch: columns, rows.
template <class F, int V>
using PatchValues = float[V][F::patch][F::patch];

/// All the loads before anything waits for one; for a pixel that is not there, of some other.
template <class F, int V, class T>
__device__ __forceinline__ void load_patch(const WinogradInput<T>& in, const T* image, const WinogradPatch<F>& patch,
                                           PatchValues<F, V>& d) {
#pragma unroll
  for (int i = 0; i < F::patch; i++) {
    const T* row = image + (patch.rows[i] < 0 ? 0 : patch.rows[i] * in.w.in * in.C);
#pragma unroll
    for (int j = 0; j < F::patch; j++) {
      const Vector<T, V> x = load_vector<T, V>(row + (patch.columns[j] < 0 ? 0 : patch.columns[j] * in.C));
#pragma unroll
      for (int e = 0; e < V; e++) d[e][j][i] = to_float(x.v[e]);
    }
  }
}

/// Applies what is pending, and then the zeros.
template <class F, int V>
__device__ __forceinline__ void map_patch(const LoadMap& map, const ChannelParameters<V>& own,
                                          const WinogradPatch<F>& patch, PatchValues<F, V>& d) {
  constexpr int kPatch = F::patch;
  if (map.scale) {
    const Ramp ramp(map.act, map.a);
#pragma unroll
    for (int e = 0; e < V; e++)
#pragma unroll
      for (int i = 0; i < kPatch * kPatch; i++) {
        float& v = d[e][i / kPatch][i % kPatch];
        v = ramp(fmaf(v, own.scale[e], own.shift[e]));
      }
  }
  if (patch.missing < 0)
#pragma unroll
    for (int e = 0; e < V; e++)
#pragma unroll
      for (int i = 0; i < kPatch * kPatch; i++)
        if ((patch.rows[i % kPatch] | patch.columns[i / kPatch]) < 0) d[e][i / kPatch][i % kPatch] = 0;
}

/// To Winograd's domain: v at the tile's first point, `step` from point to point.
template <class F, int V, class T>
__device__ __forceinline__ void store_patch(const PatchValues<F, V>& d, T* v, std::int64_t step) {
  constexpr int kPatch = F::patch;
  PatchValues<F, V> half;  // rows, columns
#pragma unroll
  for (int e = 0; e < V; e++)
#pragma unroll
    for (int j = 0; j < kPatch; j++) {
      float o[kPatch];
      F::input(d[e][j], o);
#pragma unroll
      for (int i = 0; i < kPatch; i++) half[e][i][j] = o[i];
    }
#pragma unroll
  for (int i = 0; i < kPatch; i++) {
    float o[V][kPatch];
#pragma unroll
    for (int e = 0; e < V; e++) F::input(half[e][i], o[e]);
#pragma unroll
    for (int j = 0; j < kPatch; j++, v += step) {
      Vector<T, V> out;
#pragma unroll
      for (int e = 0; e < V; e++) out.v[e] = from_float<T>(F::to_domain * o[e][j]);
      store_vector(v, out);
    }
  }
}

namespace {

/// v (points,tiles,C).
template <class F, class T>
__global__ void __launch_bounds__(kWinogradLanes* kInputTiles)
    transform_input(const __grid_constant__ WinogradInput<T> in, WinogradTiles tiles, T* v) {
  constexpr int V = kPack<T>;
  const int tile = tiles.index(), c = tiles.channel(V);
  if (tile >= tiles.count || c >= in.C) return;
  const WinogradPlace at(tiles.first + tile, in.h, in.w);
  const WinogradPatch<F> patch(in, at);
  const ChannelParameters<V> own(in.map, std::int64_t{at.n} * in.C + c);
  PatchValues<F, V> d;
  load_patch<F, V>(in, in.x + std::int64_t{at.n} * in.h.in * in.w.in * in.C + c, patch, d);
  map_patch<F, V>(in.map, own, patch, d);
  store_patch<F, V>(d, v + std::int64_t{tile} * in.C + c, std::int64_t{tiles.count} * in.C);
}

}  // namespace

/// What becomes of the sums, and where.
template <class T>
struct WinogradOutput {
  Finish<T> finish;
  WinogradAxis h, w;
  MomentSlots slots;
};

/// V channels of a tile's outputs: rows, columns.
template <class F, int V>
using TileValues = float[V][F::tile][F::tile];

/// The first pass back, of columns: m at the tile's first point, `step` from point to point.
template <class F, int V, class T>
__device__ __forceinline__ void load_half(const T* m, std::int64_t step, float (&half)[V][F::tile][F::patch]) {
  constexpr int kPatch = F::patch;
#pragma unroll
  for (int j = 0; j < kPatch; j++) {
    float d[V][kPatch], o[F::tile];
#pragma unroll
    for (int i = 0; i < kPatch; i++) {
      const Vector<T, V> from = load_vector<T, V>(m + (i * kPatch + j) * step);
#pragma unroll
      for (int e = 0; e < V; e++) d[e][i] = to_float(from.v[e]);
    }
#pragma unroll
    for (int e = 0; e < V; e++) {
      F::output(d[e], o);
#pragma unroll
      for (int i = 0; i < F::tile; i++) half[e][i][j] = o[i];
    }
  }
}

/// Applies an activation that is no ramp; returns what is left to apply.
template <class F, int V>
__device__ __forceinline__ Ramp curve(Map act, float a, TileValues<F, V>& y) {
  const bool curved = act > Map::leaky_relu;
  if (curved)
    visit_activation(act, [&](auto f) {
      for (int e = 0; e < V; e++)
        for (int p = 0; p < F::tile; p++)
          for (int q = 0; q < F::tile; q++) y[e][p][q] = map_value<decltype(f)::value>(y[e][p][q], a);
    });
  return {curved ? Map::identity : act, a};
}

/// Channels k, k + 1, ... of one tile; m at its first point, `step` from point to point. Returns the sums of what is
/// stored where there are slots for them.
template <class F, class T>
__device__ __forceinline__ ShiftedSums<kPack<T>> finish_tile(const WinogradOutput<T>& out, const WinogradPlace& at,
                                                             int k, const T* m, std::int64_t step) {
  constexpr int V = kPack<T>, kSide = F::tile;
  const int K = out.finish.N;
  float half[V][kSide][F::patch];
  load_half<F, V>(m, step, half);
  const Finish<T>& f = out.finish;
  const int p0 = at.row * kSide, q0 = at.column * kSide;
  const std::int64_t first = ((std::int64_t{at.n} * out.h.out + p0) * out.w.out + q0) * K + k;
  const auto kept = [&](int p, int q) { return p0 + p < out.h.out && q0 + q < out.w.out; };
  Vector<T, V> residual[kSide][kSide] = {};
  if (f.residual)
#pragma unroll
    for (int p = 0; p < kSide; p++)
#pragma unroll
      for (int q = 0; q < kSide; q++)
        residual[p][q] = load_vector<T, V>(f.residual + first + (kept(p, q) ? (p * out.w.out + q) * K : 0));
  TileValues<F, V> y;
#pragma unroll
  for (int e = 0; e < V; e++) {
    const float bias = f.bias ? f.bias[k + e] : 0.f;
#pragma unroll
    for (int p = 0; p < kSide; p++) {
      F::output(half[e][p], y[e][p]);
#pragma unroll
      for (int q = 0; q < kSide; q++)
        y[e][p][q] = fmaf(F::from_domain, y[e][p][q], bias + to_float(residual[p][q].v[e]));
    }
  }
  const Ramp ramp = curve<F, V>(f.act, f.a, y);
  ShiftedSums<V> sums;
#pragma unroll
  for (int p = 0; p < kSide; p++)
#pragma unroll
    for (int q = 0; q < kSide; q++) {
      Vector<T, V> pixel;
      float stored[V];
#pragma unroll
      for (int e = 0; e < V; e++) stored[e] = to_float(pixel.v[e] = from_float<T>(ramp(y[e][p][q])));
      if (!kept(p, q)) continue;
      store_vector(f.y + first + (p * out.w.out + q) * K, pixel);
      if (out.slots.sums) sums.add(stored);
    }
  return sums;
}

namespace {

/// m (points,tiles,K).
template <class F, class T>
__global__ void __launch_bounds__(kWinogradLanes* kOutputTiles<F>, F::tile == 4 ? 3 : 2)
    transform_output(const __grid_constant__ WinogradOutput<T> out, WinogradTiles tiles, const T* m) {
  constexpr int V = kPack<T>, kTiles = kOutputTiles<F>, kWide = kWinogradLanes * V;
  alignas(16) __shared__ float parts[kTiles][3][kWide];
  __shared__ float counts[kTiles];
  __shared__ int images[kTiles];
  const int tile = tiles.index(), K = out.finish.N, k = tiles.channel(V), row = static_cast<int>(threadIdx.y);
  const bool active = tile < tiles.count && k < K;
  ShiftedSums<V> sums;
  int image = -1;
  if (active) {
    const WinogradPlace at(tiles.first + tile, out.h, out.w);
    image = at.n;
    sums = finish_tile<F>(out, at, k, m + std::int64_t{tile} * K + k, std::int64_t{tiles.count} * K);
  }
  if (!out.slots.sums) return;
  const int lane = static_cast<int>(threadIdx.x) * V;
  sums.write(&parts[row][0][lane], kWide);
  if (lane == 0) counts[row] = sums.count, images[row] = image;
  __syncthreads();
  // The first tile of each image adds up those that follow.
  if (!active || (row > 0 && images[row - 1] == image)) return;
  for (int i = row + 1; i < kTiles && images[i] == image; i++)
    sums.merge(ShiftedSums<V>::read(&parts[i][0][lane], kWide, counts[i]));
  out.slots.store((tiles.first + tile) / kTiles + image, k, sums);
}

/// u (points,outer,inner) of w (outer,3,3,inner); `flipped` turns the taps round. In double, once for each version of
/// the weights.
template <class F, class T>
__global__ void __launch_bounds__(kWinogradFilters)
    transform_filter(const T* w, T* u, int count, int inner, bool flipped) {
  const int i = static_cast<int>(blockIdx.x) * kWinogradFilters + static_cast<int>(threadIdx.x);
  if (i >= count) return;
  const int outer = i / inner;
  const T* taps = w + std::int64_t{outer} * 9 * inner + (i - outer * inner);
  double half[F::patch][3];
#pragma unroll
  for (int s = 0; s < 3; s++) {
    double g[3], o[F::patch];
#pragma unroll
    for (int r = 0; r < 3; r++) {
      const int tap = r * 3 + s;
      g[r] = static_cast<double>(to_float(taps[std::int64_t{flipped ? 8 - tap : tap} * inner]));
    }
    F::filter(g, o);
#pragma unroll
    for (int j = 0; j < F::patch; j++) half[j][s] = o[j];
  }
  u += i;
#pragma unroll
  for (int j = 0; j < F::patch; j++) {
    double o[F::patch];
    F::filter(half[j], o);
#pragma unroll
    for (int l = 0; l < F::patch; l++, u += count) *u = from_float<T>(static_cast<float>(o[l]));
  }
}

}  // namespace

}  // namespace sumi::cuda
