// Second rung of the statistics' ladder. The ONE change: work is cut by pixels, not by statistics. 528 blocks, whatever
// N and groups are, each sum a chunk of pixels, all channels, by 16-byte loads; a second kernel merges their partial
// sums in a fixed order.
//
// Bytes: one read of x. A chunk leaves 12 bytes a group for at least 4 * 4096 bytes read: below 5 % for 64 groups.
// Floor for 1 x 256^2 x 64 bf16: 8.4 MB at 3.35 TB/s = 2.5 us, and the second launch. In flight: 4 blocks * 256 threads
// * 4 loads of 16 bytes = 64 KiB a multiprocessor, where 3350 GB/s * 700 ns / 132 = 18 KiB are needed. About 4
// instructions an element, a quarter of what the multiprocessor issues in the time the bytes take. Expected against
// block_per_group: an instance norm of one 64-channel image goes from 64 blocks with 32-byte sectors for 2 bytes to
// full lines on the whole GPU, 2 * 16; a layer norm of one image, from 1 multiprocessor to 132.
//
// Precision: in f32 within a chunk, at most 512 values a thread, all minus the shift: the chunk's first element of the
// statistic. So mean 1e4 with deviation 1e-2 costs nothing. The merge is in double, where moving all chunks to one
// shift (Q + 2 d S + n d^2) loses digits only when that shift is 1e4 deviations away.
//
// A small image is one chunk: less than 8 pixels a thread (16^2 at C = 64 bf16), or more where the images' blocks alone
// fill the GPU. A block that has seen all of its groups stores their moments itself, and the second launch, 2 us, goes.
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/warp.h"
#include "kernels/norm/merged_sums.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

/// Where the partial sums lie: (N,chunks,3,slots). A block has `tile_slots` slots, one for each group it may meet.
struct Partials {
  PixelLanes l = {};
  PixelChunks c = {};
  int groups = 1, Cg = 1;
  int repeats = 1;     // of the channels in a wide pixel
  int width_bits = 0;  // log2 of the threads that add up one group's lanes
  int tile_slots = 1, slots = 1;
  float *mean = nullptr, *var = nullptr;  // (N,groups)
  std::int64_t count() const { return l.N * c.chunks * 3 * slots; }
  /// Whether a block meets all of its groups.
  constexpr bool whole() const { return c.chunks == 1 && (l.tiles == 1 || l.lanes() % Cg == 0); }
  __device__ double elements() const { return static_cast<double>(l.pixels) * Cg * repeats; }

  __device__ int first_group(int tile) const { return repeats > 1 ? 0 : tile * l.lanes() / Cg; }
  __device__ int last_group(int tile) const {
    const int end = (tile + 1) * l.lanes();
    return repeats > 1 || end >= l.period ? groups - 1 : (end - 1) / Cg;
  }
  /// Lanes of group g in a tile.
  __device__ int lanes_of(int g, int tile) const {
    if (repeats > 1) return Cg * repeats;
    const int begin = tile * l.lanes(), end = begin + l.lanes();
    return (g * Cg + Cg < end ? g * Cg + Cg : end) - (g * Cg > begin ? g * Cg : begin);
  }
};

/// Across a batch, its images are one.
Partials partials_of(const NormStats& a) {
  const NormDims& d = a.d;
  const int vector = static_cast<int>(16 / size_of(a.dtype()));
  Partials p{.l = pixel_lanes(d.rows(), d.N / d.rows() * d.HW, d.C, vector), .groups = static_cast<int>(d.groups)};
  p.c = pixel_chunks(p.l);
  p.Cg = static_cast<int>(d.C / d.groups);
  p.repeats = p.l.period / p.l.C;
  while (p.width_bits < 5 && 2 << p.width_bits <= p.Cg) p.width_bits++;
  p.tile_slots = p.l.tiles == 1 ? p.groups : std::min(p.groups, (p.l.lanes() + p.Cg - 2) / p.Cg + 1);
  p.slots = p.tile_slots * p.l.tiles;
  return p;
}

/// Adds up the lanes of each group that the block met, and stores (shift, sum, square) into its slots, or the moments.
/// sums, squares and shifts are [lanes of the block].
__device__ void store_groups(const Partials& p, const float* sums, const float* squares, const float* shifts,
                             float* out) {
  const int tile = static_cast<int>(blockIdx.y), first = p.first_group(tile), last = p.last_group(tile);
  const int width = 1 << p.width_bits, sub = static_cast<int>(threadIdx.x) & (width - 1);
  const int begin = tile * p.l.lanes(), end = begin + p.l.lanes() < p.l.period ? begin + p.l.lanes() : p.l.period;
  for (int base = first; base <= last; base += kPixelThreads / width) {
    const int g = base + (static_cast<int>(threadIdx.x) >> p.width_bits);
    float sum = 0, square = 0;
    for (int repeat = 0; repeat < p.repeats && g <= last; repeat++)
      for (int c = g * p.Cg + sub; c < g * p.Cg + p.Cg; c += width) {
        const int lane = repeat * p.l.C + c;
        if (lane >= begin && lane < end) sum += sums[lane - begin], square += squares[lane - begin];
      }
    const auto plus = [](float a, float b) { return a + b; };
    sum = group_reduce(sum, width, plus), square = group_reduce(square, width, plus);
    if (sub != 0 || g > last) continue;
    const float shift = shifts[g * p.Cg > begin ? g * p.Cg - begin : 0];
    if (p.whole()) {
      MergedSums merged(shift);
      merged.add(shift, sum, square, p.elements());
      const int stat = static_cast<int>(blockIdx.x) * p.groups + g;
      merged.store(p.elements(), p.mean + stat, p.var + stat);
      continue;
    }
    float* slot = out + tile * p.tile_slots + g - first;
    slot[0] = shift;
    slot[p.slots] = sum;
    slot[2 * p.slots] = square;
  }
}

/// The first element of each lane's group in a pixel: one load where every channel is a group.
template <class T, int V>
__device__ __forceinline__ void load_shifts(const Partials& p, const T* pixel, int lane, float (&shift)[V]) {
  if (p.Cg == 1 && p.repeats == 1) {
    const Vector<T, V> v = load_vector<T, V>(pixel + lane);
#pragma unroll
    for (int e = 0; e < V; e++) shift[e] = to_float(v.v[e]);
    return;
  }
  ChannelWalk walk(p.l.C, p.Cg, lane);
#pragma unroll
  for (int e = 0; e < V; e++, walk.next()) shift[e] = to_float(pixel[walk.first_of_group()]);
}

template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 4) sum_chunks(const T* x, Partials p, float* partials) {
  __shared__ float rows[8 * 32 * V], sums[32 * V], squares[32 * V], shifts[32 * V];
  const PixelLanes& l = p.l;
  const PixelPlace at(l, p.c);
  float shift[V] = {}, sum[V] = {}, square[V] = {};
  if (at.active && at.first + at.row < at.last) {
    const T* image = x + (at.n * l.pixels) * l.period;
    load_shifts<T, V>(p, image + at.first * l.period, at.lane, shift);
    const auto load = [&](std::int64_t i) { return load_vector<T, V>(image + i * l.period + at.lane); };
    for_each_in_batches(at.first + at.row, at.last, l.down(), load, [&](const Vector<T, V>& v) {
#pragma unroll
      for (int e = 0; e < V; e++) {
        const float apart = to_float(v.v[e]) - shift[e];
        sum[e] += apart;
        square[e] += apart * apart;
      }
    });
    if (at.row == 0)
#pragma unroll
      for (int e = 0; e < V; e++) shifts[threadIdx.x * V + e] = shift[e];
  }
  sum_rows<V>(l, sum, rows, sums);
  sum_rows<V>(l, square, rows, squares);
  store_groups(p, sums, squares, shifts, partials + std::int64_t{blockIdx.x} * 3 * p.slots);
}

/// Adds up in double: up to 8 statistics side by side, a sector of 32 bytes, and 4 or more threads for each.
__global__ void __launch_bounds__(kMostMergeThreads) merge(const float* partials, Partials p, int across) {
  __shared__ double sums[kMostMergeThreads], squares[kMostMergeThreads];
  const int per_row = (p.groups + across - 1) / across, threads = static_cast<int>(blockDim.x);
  const int row = static_cast<int>(blockIdx.x) / per_row;
  const int wanted = (static_cast<int>(blockIdx.x) - row * per_row) * across + static_cast<int>(threadIdx.x) % across;
  const int g = wanted < p.groups ? wanted : p.groups - 1;
  const int tile0 = p.repeats > 1 ? 0 : g * p.Cg / p.l.lanes();
  const int tile1 = p.repeats > 1 ? 0 : (g * p.Cg + p.Cg - 1) / p.l.lanes();
  const float* own = partials + row * p.c.chunks * 3 * p.slots;  // (chunks,3,slots)
  const auto slot = [&](int tile) { return tile * p.tile_slots + g - p.first_group(tile); };
  MergedSums merged(own[slot(tile0)]);
  struct Part {
    float shift, sum, square, pixels;
  };
  for (int tile = tile0; tile <= tile1; tile++) {
    const int at = slot(tile);
    const int lanes = p.lanes_of(g, tile);
    const auto load = [&](std::int64_t i) {
      const float* part = own + i * 3 * p.slots + at;
      const std::int64_t pixels = i + 1 < p.c.chunks ? p.c.per_chunk : p.l.pixels - i * p.c.per_chunk;
      return Part{part[0], part[p.slots], part[2 * p.slots], static_cast<float>(pixels)};  // below 2^24: exact
    };
    const auto add = [&](const Part& v) {
      merged.add(v.shift, v.sum, v.square, static_cast<double>(v.pixels) * lanes);
    };
    for_each_in_batches(static_cast<int>(threadIdx.x) / across, p.c.chunks, threads / across, load, add);
  }
  merged.add_up(across, sums, squares);
  if (static_cast<int>(threadIdx.x) >= across || wanted >= p.groups) return;
  const int stat = row * p.groups + g;
  merged.store(p.elements(), p.mean + stat, p.var + stat);
}

}  // namespace

void norm_stats_split(const NormStats& a, Context& ctx) {
  const NormDims& d = a.d;
  Partials p = partials_of(a);
  p.mean = a.mean.as<float>(), p.var = a.var.as<float>();
  const Scratch scratch = ctx.scratch(static_cast<std::size_t>(p.count()) * sizeof(float));
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const auto go = [&](auto v) {
      launch(sum_chunks<T, decltype(v)::value>, {pixel_grid(p.l, p.c), kPixelThreads, 0, ctx.stream()}, a.x.as<T>(), p,
             scratch.as<float>());
    };
    visit_lanes<T>(p.l, go);
  });
  if (p.whole()) return;
  const int across = d.groups >= 8 ? 8 : d.groups >= 4 ? 4 : d.groups >= 2 ? 2 : 1;
  launch(merge,
         {blocks_for(d.rows() * ((d.groups + across - 1) / across), 1), merge_threads(p.c.chunks, across), 0,
          ctx.stream()},
         scratch.as<float>(), p, across);
}

bool norm_stats_split_pays(const NormStats& a, const DeviceInfo&) {
  constexpr std::int64_t kLine = 32;  // channels of 2 bytes that make up a half line, the least that memory moves well
  return a.d.C / a.d.groups < kLine || partials_of(a).c.chunks > 1;
}

}  // namespace sumi::cuda
