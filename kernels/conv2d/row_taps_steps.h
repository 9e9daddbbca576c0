// The steps of row_taps.cu: filter and rows into shared memory, products, and the taps added up.
#pragma once
#include "kernels/conv2d/thin_part.h"

namespace sumi::cuda {
namespace {

constexpr int kWidth = 64, kRows = 4, kThreads = 128, kChunks = 4, kPixelsApart = kThreads / kChunks;
constexpr int kMostColumns = 32;
/// Of a column of z: lanes side by side are 2 columns or a pixel apart, in 32 banks.
constexpr int kPitch = kWidth + 4;

/// Channels at a time: 64 bytes, and their places in a row of the ring and in the filter.
template <class T>
inline constexpr int kSlice = kChunks* kVector<T>;
template <class T>
using Swizzle = SwizzledTile<T, Run::along_k, kWidth, kSlice<T>>;

template <class T>
struct RowTaps {
  Image<T> image;
  ThinFilter<T> filter;
  int R, S, top, left, P, Q;
  int strips = 0, segments = 0, rows = 0;  // rows of a segment: a block's
  Finish<T> finish;

  int slices() const { return (image.C + kSlice<T> - 1) / kSlice<T>; }
};

/// The filter's columns in shared memory: of `fragments` of 8, loaded 2 at a time.
constexpr int filter_columns(int fragments) { return (fragments + 1) / 2 * 16; }

/// Channels from c0 on, (R, columns, slice): zeros behind the last channel and column.
template <class T, int F>
__device__ __forceinline__ void load_filter(const RowTaps<T>& o, int c0, T* filter) {
  constexpr int V = kVector<T>, kColumns = filter_columns(F);
  const int K = o.finish.N, first = static_cast<int>(threadIdx.x);
  if (o.filter.per_input == 1) {
#pragma unroll 4
    for (int i = first; i < o.R * kColumns * kChunks; i += kThreads) {
      const int c = i % kChunks * V, column = i / kChunks % kColumns, r = i / kChunks / kColumns, s = column / K;
      const bool there = s < o.S && c0 + c < o.image.C;
      const T* from = o.filter.at(column - s * K, r * o.S + s, c0 + c);
      store_vector(filter + r * kColumns * kSlice<T> + Swizzle<T>::at(column, c), load_run(from, there ? V : 0, true));
    }
  } else {
    const int column = first % kColumns, s = column / K;
#pragma unroll 8
    for (int i = first / kColumns; i < o.R * kSlice<T>; i += kThreads / kColumns) {
      const int c = i % kSlice<T>, r = i / kSlice<T>;
      const bool there = s < o.S && c0 + c < o.image.C;
      filter[r * kColumns * kSlice<T> + Swizzle<T>::element(column, c)] =
          there ? *o.filter.at(column - s * K, r * o.S + s, c0 + c) : from_float<T>(0.f);
    }
  }
}

/// A thread's chunks of 4 rows of the image, the same channels of 2 pixels each.
template <class T>
struct RowFeed {
  static constexpr int V = kVector<T>;
  const RowTaps<T>& o;
  int n, c, w[2];  // channels, image columns; -1: a zero
  Raw<T> held[kRows][2];
  unsigned there = 0;

  __device__ static int pixel(int j) { return static_cast<int>(threadIdx.x) / kChunks + j * kPixelsApart; }
  __device__ static int place() { return static_cast<int>(threadIdx.x) % kChunks * V; }

  __device__ RowFeed(const RowTaps<T>& taps, int image, int q0) : o(taps), n(image), c(0) {
#pragma unroll
    for (int j = 0; j < 2; j++)
      w[j] = q0 + pixel(j) < o.Q + o.S - 1
                 ? static_cast<int>(padded_index(q0 + pixel(j) - o.left, o.image.W, o.image.mode))
                 : -1;
  }
  /// Rows `row` to row + 3 of the windows' rows, zeros from `end` on.
  __device__ __forceinline__ void hold(int row, int end) {
    there = 0;
    const T* x = o.image.x + std::int64_t{n} * o.image.H * o.image.W * o.image.C;
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      const int h = row + i < end ? static_cast<int>(padded_index(row + i - o.top, o.image.H, o.image.mode)) : -1;
#pragma unroll
      for (int j = 0; j < 2; j++) {
        const bool loads = h >= 0 && w[j] >= 0 && c < o.image.C;
        held[i][j] = load_chunk(x + (h * o.image.W + w[j]) * o.image.C + c, loads);
        there |= static_cast<unsigned>(loads) << (i * 2 + j);
      }
    }
  }
  /// What is there.
  __device__ __forceinline__ void map() {
    const ChannelParameters<V> own(o.image.map, std::int64_t{n} * o.image.C + c);
#pragma unroll
    for (int i = 0; i < kRows; i++)
#pragma unroll
      for (int j = 0; j < 2; j++) {
        if (!(there >> (i * 2 + j) & 1u)) continue;
        Vector<T> v = unpack<T>(held[i][j]);
#pragma unroll
        for (int e = 0; e < V; e++)
          v.v[e] = from_float<T>(o.image.map.apply(to_float(v.v[e]), own.scale[e], own.shift[e]));
        held[i][j] = pack(v);
      }
  }
  /// To the ring, mapped, from `slot` on; rows that lie behind `count` are dropped.
  __device__ __forceinline__ void put(T* ring, int slot, int count) {
    if (o.image.map.scale && there != 0) map();
#pragma unroll
    for (int i = 0; i < kRows; i++, slot = slot + 1 < o.R + kRows - 1 ? slot + 1 : 0)
#pragma unroll
      for (int j = 0; j < 2; j++)
        if (i < count)
          store_vector(ring + slot * kWidth * kSlice<T> + Swizzle<T>::at(pixel(j), place()), unpack<T>(held[i][j]));
  }
};

/// A warp's part of z: 16 pixels of 4 rows, F x 8 columns.
template <class T, int F>
struct RowSums {
  float sums[kRows][F][4] = {};

  __device__ static int pixel() { return static_cast<int>(threadIdx.x / 32) * 16; }

  /// `head`: the slot of the first row; of the first `depth` channels.
  __device__ __forceinline__ void add(const T* ring, int head, const T* filter, int R, int depth) {
#pragma unroll 1
    for (int k = 0; k < depth; k += kDepth<T>) {
      int slot = head;
      unsigned a[kRows][4];
      const auto load = [&](unsigned(&to)[4]) {
        load_left<Run::along_k, kWidth, kSlice<T>>(to, ring + slot * kWidth * kSlice<T>, pixel(), k);
        slot = slot + 1 < R + kRows - 1 ? slot + 1 : 0;
      };
#pragma unroll
      for (int j = 0; j < kRows - 1; j++) load(a[j]);
#pragma unroll 2
      for (int r = 0; r < R; r++) {
        unsigned b[(F + 1) / 2][4];
        load(a[kRows - 1]);
#pragma unroll
        for (int f = 0; f < (F + 1) / 2; f++)
          load_right<Run::along_k, kWidth, kSlice<T>>(b[f], filter + r * filter_columns(F) * kSlice<T>, f * 16, k);
#pragma unroll
        for (int j = 0; j < kRows; j++)
#pragma unroll
          for (int f = 0; f < F; f++) {
            const unsigned pair[2] = {b[f / 2][f % 2 * 2], b[f / 2][f % 2 * 2 + 1]};
            multiply<T>(sums[j][f], a[j], pair);
          }
#pragma unroll
        for (int j = 0; j + 1 < kRows; j++)
#pragma unroll
          for (int i = 0; i < 4; i++) a[j][i] = a[j + 1][i];
      }
    }
  }
  /// To z, (4, columns, pixels).
  __device__ __forceinline__ void store(float* z) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    z += lane % 4 * 2 * kPitch + pixel() + lane / 4;
#pragma unroll
    for (int j = 0; j < kRows; j++)
#pragma unroll
      for (int f = 0; f < F; f++)
#pragma unroll
        for (int e = 0; e < 4; e++) z[(j * 8 * F + f * 8 + e % 2) * kPitch + e / 2 * 8] = sums[j][f][e];
  }
};

/// Where a block works.
struct RowPlace {
  int n, p, p_end, q;
};

template <class T>
__device__ __forceinline__ RowPlace place_of(const RowTaps<T>& o) {
  const int line = static_cast<int>(blockIdx.x) / o.strips, n = line / o.segments, p = (line - n * o.segments) * o.rows;
  return {n, p, p + o.rows < o.P ? p + o.rows : o.P,
          (static_cast<int>(blockIdx.x) - line * o.strips) * (kWidth + 1 - o.S)};
}

/// Adds up z of 4 rows from p on; what earlier slices left in `kept`, (rows, K, 64), comes first.
template <class T, int F>
__device__ __forceinline__ void add_taps(const RowTaps<T>& o, const RowPlace& at, int p, const float* z, float* kept,
                                         bool first, bool last) {
  const int K = o.finish.N, q = static_cast<int>(threadIdx.x) % kWidth;
  if (q + o.S > kWidth || at.q + q >= o.Q) return;
#pragma unroll
  for (int j = static_cast<int>(threadIdx.x) / kWidth; j < kRows; j += kThreads / kWidth) {
    if (p + j >= at.p_end) continue;
    float v[kMostThin] = {};
    const float* column = z + j * 8 * F * kPitch + q;
#pragma unroll 3
    for (int s = 0; s < o.S; s++, column += K * kPitch + 1)
#pragma unroll
      for (int k = 0; k < kMostThin; k++)
        if (k < K) v[k] += column[k * kPitch];
    float* mine = kept + (p + j - at.p) * K * kWidth + q;
#pragma unroll
    for (int k = 0; k < kMostThin; k++) {
      if (k >= K) continue;
      if (!first) v[k] = mine[k * kWidth] + v[k];
      if (last)
        store_thin(o.finish, v[k], (std::int64_t{at.n} * o.P + p + j) * o.Q + at.q + q, k);
      else
        mine[k * kWidth] = v[k];
    }
  }
}

}  // namespace
}  // namespace sumi::cuda
