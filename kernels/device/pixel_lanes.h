// How blocks of 256 threads cover images [N,HW,C] whose channels are contiguous: threads side by side take neighbouring
// channel vectors of 16 bytes, threads below each other take other pixels. What belongs to a channel (a shift, a scale)
// is then loaded once a thread and stays in registers.
#pragma once
#include <algorithm>
#include <numeric>

#include "kernels/device/elements.h"

namespace sumi {

/// Threads of a block.
inline constexpr int kPixelThreads = 256;

/// Images seen as `pixels` pixels of `period` elements each. Where C is no multiple of a vector but lcm(C,V) is short,
/// several pixels make a wide one (8 of C = 3 are 24 elements: 3 vectors of 8); lane j of it belongs to channel j % C.
struct PixelLanes {
  std::int64_t N = 1, pixels = 1;
  int C = 1, period = 1, V = 1;     // V elements a thread, contiguous and aligned; 1 where no vector fits
  int vectors = 1;                  // of a pixel: period / V
  int across = 1, across_bits = 0;  // threads side by side, a power of two up to 32
  int tiles = 1;                    // blocks side by side

  constexpr int down() const { return kPixelThreads / across; }
  constexpr int lanes() const { return across * V; }  // elements of a pixel that a block covers
};

/// V is the widest vector, most_across (a power of two up to 32) the most threads side by side; C < 2^31.
inline PixelLanes pixel_lanes(std::int64_t N, std::int64_t HW, std::int64_t C, int V, int most_across = 32) {
  std::int64_t period = std::lcm(C, std::int64_t{V});
  if (C % V != 0 && (period > 32 * V || HW * C % period != 0)) V = 1, period = C;
  PixelLanes l{.N = N, .pixels = HW * C / period, .C = static_cast<int>(C), .period = static_cast<int>(period), .V = V};
  l.vectors = l.period / V;
  while (1 << l.across_bits < std::min(l.vectors, most_across)) l.across_bits++;
  l.across = 1 << l.across_bits;
  l.tiles = (l.vectors + l.across - 1) / l.across;
  return l;
}

/// Each image's pixels in chunks, one a block: enough to fill any GPU (4 or so blocks on each of an H100's 132
/// multiprocessors), each with at least 4 pixels a thread to make up for what a thread loads first, and at most 512,
/// which bounds the rounding of f32 sums. By shape alone: results are the same on every GPU.
struct PixelChunks {
  std::int64_t chunks = 1, per_chunk = 1;  // per image; pixels of all but the last
};
inline PixelChunks pixel_chunks(const PixelLanes& l, int blocks_each = 4) {
  constexpr std::int64_t kFewest = 4, kMost = 512;
  const std::int64_t steps = (l.pixels + l.down() - 1) / l.down();
  const std::int64_t wanted = std::max<std::int64_t>(blocks_each * 132 / (l.N * l.tiles), (steps + kMost - 1) / kMost);
  const std::int64_t chunks = std::clamp<std::int64_t>(steps / kFewest, 1, std::max<std::int64_t>(wanted, 1));
  const std::int64_t whole = (steps + chunks - 1) / chunks, batches = (whole + kFewest - 1) / kFewest;
  const std::int64_t per_chunk = (whole < kFewest ? whole : batches * kFewest) * l.down();
  return {(l.pixels + per_chunk - 1) / per_chunk, per_chunk};
}

/// The part of a chunk that one thread takes.
struct PixelPlace {
  std::int64_t n, first, last;  // the block's pixels [first,last) of image n
  int lane, row;                // the thread's first element in a pixel, and its first pixel from `first`
  bool active;                  // false: beyond the pixel's end

  __device__ PixelPlace(const PixelLanes& l, const PixelChunks& c) {
    n = blockIdx.x / static_cast<unsigned>(c.chunks);
    first = (blockIdx.x - n * c.chunks) * c.per_chunk;
    last = first + c.per_chunk < l.pixels ? first + c.per_chunk : l.pixels;
    const int vector = static_cast<int>(blockIdx.y) * l.across + static_cast<int>(threadIdx.x % l.across);
    lane = vector * l.V;
    row = static_cast<int>(threadIdx.x) >> l.across_bits;
    active = vector < l.vectors;
  }
};

/// The grid that PixelPlace expects.
inline dim3 pixel_grid(const PixelLanes& l, const PixelChunks& c) {
  return {blocks_for(l.N * c.chunks, 1), static_cast<unsigned>(l.tiles), 1};
}

/// Calls f(T{}, std::integral_constant<int, V>{}) with V = l.V: the vector, or 1.
template <class T, class F>
void visit_lanes(const PixelLanes& l, F&& f) {
  if (l.V == 1) return f(std::integral_constant<int, 1>{});
  return f(std::integral_constant<int, kVector<T>>{});
}

/// The channels of consecutive lanes, and their groups of `size` channels, without a division per lane.
struct ChannelWalk {
  int C, size, channel, within;  // `within` the group
  __device__ ChannelWalk(int C_, int size_, int lane) : C(C_), size(size_), channel(lane % C_) {
    within = size == 1 ? 0 : channel % size;
  }
  __device__ int first_of_group() const { return channel - within; }
  __device__ void next() {
    if (++within == size) within = 0;
    if (++channel == C) channel = 0;
  }
};

/// v[e] = from[channel of the thread's lane e]. `from` is 16-byte aligned where C is a multiple of V.
template <int V>
__device__ __forceinline__ void load_channels(const PixelLanes& l, int lane, const float* from, float (&v)[V]) {
  if (V % 4 == 0 && l.period == l.C) {
#pragma unroll
    for (int e = 0; e < V; e += 4) {
      const Vector<float, 4> part = load_vector<float, 4>(from + lane + e);
#pragma unroll
      for (int k = 0; k < 4 && e + k < V; k++) v[e + k] = part.v[k];
    }
    return;
  }
  ChannelWalk walk(l.C, 1, lane);
#pragma unroll
  for (int e = 0; e < V; e++, walk.next()) v[e] = from[walk.channel];
}

/// use(load(i)) for i = begin, begin + step, ... below `end`, in this order, with kBatch loads under way before the
/// first one is used. A plain unrolled loop has one: nvcc moves no load over the test that may end the loop.
template <int kBatch = 4, class Load, class Use>
__device__ __forceinline__ void for_each_in_batches(std::int64_t begin, std::int64_t end, int step, Load&& load,
                                                    Use&& use) {
  std::int64_t i = begin;
  for (; i + (kBatch - 1) * step < end; i += kBatch * step) {
    decltype(load(i)) v[kBatch];
#pragma unroll
    for (int k = 0; k < kBatch; k++) v[k] = load(i + k * step);
#pragma unroll
    for (int k = 0; k < kBatch; k++) use(v[k]);
  }
  for (; i < end; i += step) use(load(i));
}

/// op over the block's pixel rows of v[], in a fixed order: totals[lane within the block], (32 V), for lanes <
/// l.lanes(). `rows` is room for 8 * 32 * V floats, free again on return. All threads of the block call it.
template <int V, class Op>
__device__ __forceinline__ void combine_rows(const PixelLanes& l, float (&v)[V], float* rows, float* totals, Op op) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  for (int o = 16; o >= l.across; o /= 2)
#pragma unroll
    for (int e = 0; e < V; e++) v[e] = op(v[e], __shfl_xor_sync(0xffffffffu, v[e], o));
  if (lane < l.across)
#pragma unroll
    for (int e = 0; e < V; e++)
      rows[(warp * V + e) * 32 + lane] = v[e];  // (8,V,32): a warp's stores fall into 32 banks
  __syncthreads();
  if (warp < V && lane < l.across) {  // warp: now the element
    float total = rows[warp * 32 + lane];
#pragma unroll
    for (int w = 1; w < kPixelThreads / 32; w++) total = op(total, rows[(w * V + warp) * 32 + lane]);
    totals[lane * V + warp] = total;
  }
  __syncthreads();
}

/// combine_rows with addition.
template <int V>
__device__ __forceinline__ void sum_rows(const PixelLanes& l, float (&v)[V], float* rows, float* totals) {
  combine_rows<V>(l, v, rows, totals, [](float a, float b) { return a + b; });
}

/// Threads of a block that merges the chunks of `across` (a power of two) numbers side by side: 4 loads for each
/// thread, which fit into one round of latency.
inline constexpr int kMostMergeThreads = 1024;
inline unsigned merge_threads(std::int64_t chunks, int across) {
  std::int64_t threads = 32;
  while (threads < kMostMergeThreads && threads * 4 < chunks * across) threads *= 2;
  return static_cast<unsigned>(threads);
}

/// Where pixel i < 2^31 lies in rows of Q: one division, some 20 instructions.
struct RowColumn {
  int row, column;
  __device__ RowColumn(std::int64_t i, int Q) {
    row = static_cast<int>(static_cast<unsigned>(i) / static_cast<unsigned>(Q));
    column = static_cast<int>(i) - row * Q;
  }
};

}  // namespace sumi
