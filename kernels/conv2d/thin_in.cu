// Up to 4 input channels: a picture. A product's tile would read the image in chunks of 8 channels of a pixel; here a
// pixel has 3, and its window's R S C elements are one sum: 27 for 3 x 3, 147 for 7 x 7, 243 for 9 x 9. So they are
// flattened, padded to the depth of a product once for all (32, 160, 256) and read from the block's part of the picture
// (thin_part.h); the filter stays in shared memory while a block makes one tile after the other.
//
// Tensor cores (f16, bf16; f32 rounded to tf32): a fragment's register is a 4-byte unit of a window, two elements of 16
// bits. Windows of 3 channels begin at odd elements for every other pixel: those read a copy of the part that stands
// one element earlier, so that each register is one load; a filter row of odd length has a zero behind it, so that no
// unit spans two rows (it is multiplied with the element beside the window: an infinity there makes a NaN here). Where
// the rows begin is a small table. A warp makes 64 x 32 (32 x 64) results; of 16 products a step, 16 loads of the part
// and 8 (16) of the filter: shared memory and mma.sync take about 26 cycles of a multiprocessor each.
//
// f32 on ordinary cores: 8 pixels x 8 channels a thread, so that 8 loads of the part and 2 of 16 bytes of the filter
// feed 64 multiply-adds.
//
// The input gradient of few output channels at stride 1 is the same over dy, with a filter that stands otherwise.
//
// Statistics for a norm that follows: a tile's sums, from lanes to warps to its slot (store_sums.h), 3 numbers a
// channel for 256 (128) pixels.
//
// At 1024 x 1024 in bf16: the store of y takes 20 us for 32 channels, 40 for 64; the products, padded, at the 62 % of
// 989 TFLOP/s that mma.sync reaches: 28 us for 9 x 9 to 32 channels, 35 for 7 x 7 to 64, 7 for 3 x 3 to 64. f32 at 67
// TFLOP/s: 243, 294 and 54 us, the store 40 and 80. Expected 50 to 60 % of these.
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/store_sums.h"
#include "kernels/conv2d/thin_part.h"

namespace sumi::cuda {
namespace {

constexpr int kResults = 8192;  // of a tile: 8 rows of pixels of N channels
template <int N>
constexpr int kAcross = kResults / kThinRows / N;

/// In shared memory the part of the picture stands as in memory: pixel m's window begins in row m stride_h, element
/// m stride_w C, and each of its rows is S C contiguous elements.
template <class T>
struct ThinIn {
  ThinPart<T> part;
  ThinFilter<T> filter;
  int R, run, pitch;  // rows of a window, elements of one (S C), elements from one row of the part to the next
  int shifted;        // elements to a copy of the part that stands one element earlier; 0: there is none
  int units, steps;   // 4-byte units of a window's row; steps of 8 units in a window
  Finish<T> finish;
  MomentSlots slots;

  __device__ __forceinline__ void load(const ThinTile& t, T* to) const {
    const int C = part.image.C;
    part.load(t, [&](int row, int column, int c, T value) {
      const int e = column * C + c;
      T* at = to + row * pitch + e;
      *at = value;
      if (shifted > 0 && e > 0) at[shifted - 1] = value;
    });
  }
  /// Element k of a window whose rows are whole units, in a plain one; -1: there it is a zero.
  __device__ int unpadded(int k) const {
    const int padded = units * kUnit<T>, r = k / padded, j = k - r * padded;
    return r < R && j < run ? r * run + j : -1;
  }
  int elements() const { return shifted > 0 ? 2 * shifted : part.rows * pitch; }
};

/// `unit`: elements that are read at once.
template <class T, int N>
ThinIn<T> thin_in(const TapConv& t, int unit) {
  ThinIn<T> o{.part = thin_part<T>(t, kAcross<N>),
              .filter = thin_filter<T>(t),
              .R = static_cast<int>(t.h.filter),
              .run = static_cast<int>(t.w.filter * t.C),
              .finish = finish_of<T>(t)};
  const auto C = static_cast<int>(t.C);
  o.pitch = (o.part.columns * C + 1 + unit - 1) / unit * unit;
  // Half of the 32 banks further on: of neighbouring pixels, one begins on a unit and the next does not.
  if (unit > 1 && o.part.stride_w * C % 2 != 0) o.shifted = (o.part.rows * o.pitch + 63) / 64 * 64 + 32;
  o.units = (o.run + unit - 1) / unit;
  o.steps = (o.R * o.units + 7) / 8;
  return o;
}

/// A filter in shared memory, [N][steps of 8 units], 16 bytes apart: rows of ldmatrix in different banks.
template <class T>
__device__ __host__ constexpr int filter_pitch(int steps) {
  return (steps * 8 + 4) * kUnit<T>;
}

/// Lanes side by side read what stands side by side: elements of a window, or in the transpose's filter channels.
template <class T, int N>
__device__ __forceinline__ void load_filter(const ThinIn<T>& o, int n0, T* filter, int* offsets) {
  constexpr int V = kVector<T>, kChunks = N / V;
  const int all = o.steps * 8 * kUnit<T>, pitch = filter_pitch<T>(o.steps), first = static_cast<int>(threadIdx.x);
  if (o.filter.per_channel == 1) {
#pragma unroll 4
    for (int i = first; i < all * kChunks; i += kThinThreads) {
      const int k = i / kChunks, n = i % kChunks * V, left = o.finish.N - n0 - n, at = o.unpadded(k);
      const int valid = at < 0 || left < 0 ? 0 : left < V ? left : V;
      const Vector<T> v = load_run(o.filter.at(n0 + n, at), valid, o.finish.N % V == 0);
#pragma unroll
      for (int e = 0; e < V; e++) filter[(n + e) * pitch + k] = v.v[e];
    }
  } else {
    for (int k = first; k < all; k += kThinThreads) {
      const int at = o.unpadded(k);
      const T* from = o.filter.at(n0, at);
#pragma unroll 8
      for (int n = 0; n < N; n++)
        filter[n * pitch + k] = at >= 0 && n0 + n < o.finish.N ? from[n * o.filter.per_channel] : from_float<T>(0.f);
    }
  }
  for (int u = static_cast<int>(threadIdx.x); u < o.steps * 8; u += kThinThreads) {
    const int r = u / o.units;
    offsets[u] = r < o.R ? r * o.pitch + (u - r * o.units) * kUnit<T> : 0;  // behind the end the filter is zero
  }
}

/// Floats in shared memory for the sums of a warp's N channels: (3,N) and their count.
template <int N>
constexpr int kSumsPitch = 3 * N + 4;

/// The warp's sums of some channels; lanes `Lanes` apart have further pixels of the same.
template <int N, int Lanes, int V>
__device__ __forceinline__ void collect_sums(ShiftedSums<V> sums, int channel, float* to) {
#pragma unroll
  for (int apart = 16; apart >= Lanes; apart /= 2) sums.merge_lanes(apart);
  if (threadIdx.x % 32 >= Lanes) return;
  sums.write(to + channel, N);
  if (channel == 0) to[3 * N] = sums.count;
}

/// The tile's: of the block's warps, whose sums stand `pitch` floats apart.
template <int N, class T>
__device__ __forceinline__ void store_sums(const ThinIn<T>& o, const ThinTile& t, int tile, int n0, const float* sums,
                                           int pitch) {
  __syncthreads();
  const int n = static_cast<int>(threadIdx.x);
  if (n >= N || n0 + n >= o.finish.N) return;
  ShiftedSums<1> all;
#pragma unroll
  for (int w = 0; w < kThinWarps; w++, sums += pitch) all.merge(ShiftedSums<1>::read(sums + n, N, sums[3 * N]));
  o.slots.store(tile + t.n, n0 + n, all);
}

/// One warp's pixels, 2 rows of a tile, in fragments of 16 pixels side by side.
template <class T, int N>
struct ThinWarp {
  static constexpr int kFragments = kAcross<N> / 16, kRows = 2 * kFragments, kColumns = N / 8;
  using Line = TileLine<N>;
  float sums[kRows][kColumns][4] = {};

  __device__ static int warp() { return static_cast<int>(threadIdx.x / 32); }
  __device__ static int lane() { return static_cast<int>(threadIdx.x % 32); }
  __device__ static int row(int i) { return warp() * 2 + i / kFragments; }
  __device__ static int column(int i) { return i % kFragments * 16; }

  __device__ __forceinline__ void add(const ThinIn<T>& o, const T* part, const T* filter, const int* offsets) {
    const int g = lane() / 4, q = lane() % 4, pitch = filter_pitch<T>(o.steps),
              across = o.part.stride_w * o.part.image.C;
    const bool odd = g * across % 2 != 0 && kUnit<T> > 1;
    part += g * across + (odd ? o.shifted - 1 : 0);
    filter += (lane() / 16 * 8 + lane() % 8) * pitch + lane() / 8 % 2 * 4 * kUnit<T>;
#pragma unroll 1
    for (int step = 0; step < o.steps; step++, filter += 8 * kUnit<T>) {
      unsigned b[kColumns / 2][4];
#pragma unroll
      for (int j = 0; j < kColumns / 2; j++) {
        load_matrices_x4(b[j], filter + j * 16 * pitch);
        round_fragment<T>(b[j]);
      }
      const T *low = part + offsets[step * 8 + q], *high = part + offsets[step * 8 + 4 + q];
#pragma unroll
      for (int i = 0; i < kRows; i++) {
        const int first = row(i) * o.part.stride_h * o.pitch + column(i) * across, second = first + 8 * across;
        const unsigned a[4] = {fragment_unit(low + first), fragment_unit(low + second), fragment_unit(high + first),
                               fragment_unit(high + second)};
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
          const unsigned pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
          multiply<T>(sums[i][j], a, pair);
        }
      }
    }
  }
  /// 16 pixels at a time through the warp's own shared memory, to whole vectors of channels. A lane keeps to its own.
  __device__ __forceinline__ void store(const ThinIn<T>& o, const ThinTile& t, int n0, float* stage) const {
    constexpr int V = kVector<T>, kLanes = N / V;
    const int g = lane() / 4, q = lane() % 4, n = lane() % kLanes * V, valid = o.finish.N - n0 - n;
    ShiftedSums<V> moments;
#pragma unroll
    for (int i = 0; i < kRows; i++) {
      __syncwarp();
#pragma unroll
      for (int j = 0; j < kColumns; j++)
#pragma unroll
        for (int h = 0; h < 2; h++)
          store_vector(stage + (h * 8 + g) * Line::kPitch + Line::place(j * 8 + q * 2),
                       Vector<float, 2>{{sums[i][j][h * 2], sums[i][j][h * 2 + 1]}});
      __syncwarp();
      const int p = t.p + row(i), q0 = t.q + column(i);
#pragma unroll 1
      for (int m = lane() / kLanes; m < 16 && p < o.part.P; m += 32 / kLanes) {
        if (q0 + m >= o.part.Q || valid <= 0) continue;
        float v[V];
        Line::load(stage + m * Line::kPitch, n, v);
        store_finished(o.finish, v, (std::int64_t{t.n} * o.part.P + p) * o.part.Q + q0 + m, n0 + n,
                       valid < V ? valid : V);
        if (o.slots.sums) moments.add(v);
      }
    }
    if (!o.slots.sums) return;
    __syncwarp();
    collect_sums<N, kLanes>(moments, n, stage);
  }
};

template <class T, int N>
__global__ void __launch_bounds__(kThinThreads, kLeastBlocks) convolve_mma(const __grid_constant__ ThinIn<T> o) {
  using Warp = ThinWarp<T, N>;
  T* filter = dyn_smem<T>();
  int* offsets = reinterpret_cast<int*>(filter + N * filter_pitch<T>(o.steps));
  float* stage = reinterpret_cast<float*>(offsets + o.steps * 8);
  T* part = reinterpret_cast<T*>(stage + kThinWarps * 16 * Warp::Line::kPitch);
  const int n0 = static_cast<int>(blockIdx.y) * N;
  load_filter<T, N>(o, n0, filter, offsets);
#pragma unroll 1
  for (int tile = static_cast<int>(blockIdx.x); tile < o.part.tiles; tile += static_cast<int>(gridDim.x)) {
    const ThinTile t = o.part.tile(tile);
    o.load(t, part);
    __syncthreads();
    Warp warp;
    warp.add(o, part, filter, offsets);
    __syncthreads();
    warp.store(o, t, n0, stage + Warp::warp() * 16 * Warp::Line::kPitch);
    if (o.slots.sums) store_sums<N>(o, t, tile, n0, stage, 16 * Warp::Line::kPitch);
  }
}

template <class T, int N>
std::size_t mma_bytes(const ThinIn<T>& o) {
  return static_cast<std::size_t>(N * filter_pitch<T>(o.steps) + o.elements()) * sizeof(T) +
         static_cast<std::size_t>(o.steps * 8 + kThinWarps * 16 * TileLine<N>::kPitch) * 4;
}

/// A filter in shared memory as (R S C, N): lanes side by side store channels side by side.
template <int N>
__device__ __forceinline__ void load_columns(const ThinIn<float>& o, int n0, float* filter) {
  struct Loaded {
    float value;
    std::int64_t k;
  };
  const int depth = o.R * o.run, warp = static_cast<int>(threadIdx.x / 32);
  for (int n = static_cast<int>(threadIdx.x % 32); n < N; n += 32) {
    const bool there = n0 + n < o.finish.N;
    for_each_in_batches(
        warp, depth, kThinWarps,
        [&](std::int64_t k) {
          return Loaded{there ? *o.filter.at(n0 + n, static_cast<int>(k)) : 0.f, k};
        },
        [&](const Loaded& l) { filter[l.k * N + n] = l.value; });
  }
}

/// f32: lanes side by side take pixels side by side, and groups of 4 channels; a thread 2 rows of 4 pixels.
template <int N>
__global__ void __launch_bounds__(kThinThreads) convolve_ffma(const __grid_constant__ ThinIn<float> o) {
  constexpr int kGroups = N / 8, kApart = 32 / kGroups;
  float* filter = dyn_smem<float>();  // (R S C, N)
  const int depth = o.R * o.run, n0 = static_cast<int>(blockIdx.y) * N;
  float* moments = filter + depth * N;
  float* part = moments + kThinWarps * kSumsPitch<N>;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32), row = warp * 2;
  load_columns<N>(o, n0, filter);
  const int channel = lane % kGroups * 4, column = lane / kGroups, across = o.part.stride_w * o.part.image.C;
#pragma unroll 1
  for (int tile = static_cast<int>(blockIdx.x); tile < o.part.tiles; tile += static_cast<int>(gridDim.x)) {
    const ThinTile t = o.part.tile(tile);
    o.load(t, part);
    __syncthreads();
    float sums[8][2][4] = {};
    const float* w = filter + channel;
#pragma unroll 1
    for (int r = 0; r < o.R; r++) {
      const float* x = part + (row * o.part.stride_h + r) * o.pitch + column * across;
#pragma unroll 2
      for (int j = 0; j < o.run; j++, w += N) {
        const Vector<float> b[2] = {load_vector(w), load_vector(w + N / 2)};
#pragma unroll
        for (int i = 0; i < 8; i++) {
          const float a = x[i / 4 * o.part.stride_h * o.pitch + i % 4 * kApart * across + j];
#pragma unroll
          for (int k = 0; k < 8; k++) sums[i][k / 4][k % 4] = fmaf(a, b[k / 4].v[k % 4], sums[i][k / 4][k % 4]);
        }
      }
    }
    __syncthreads();
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int n = half * (N / 2) + channel, valid = o.finish.N - n0 - n;
      ShiftedSums<4> stored;
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const int p = t.p + row + i / 4, q = t.q + column + i % 4 * kApart;
        if (p >= o.part.P || q >= o.part.Q || valid <= 0) continue;
        store_finished(o.finish, sums[i][half], (std::int64_t{t.n} * o.part.P + p) * o.part.Q + q, n0 + n,
                       valid < 4 ? valid : 4);
        if (o.slots.sums) stored.add(sums[i][half]);
      }
      if (o.slots.sums) collect_sums<N, kGroups>(stored, n, moments + warp * kSumsPitch<N>);
    }
    if (o.slots.sums) store_sums<N>(o, t, tile, n0, moments, kSumsPitch<N>);
  }
}

template <int N>
std::size_t ffma_bytes(const ThinIn<float>& o) {
  return static_cast<std::size_t>(o.R * o.run * N + kThinWarps * kSumsPitch<N> + o.elements()) * sizeof(float);
}

/// Calls f(std::integral_constant<int, N>{}): channels of a tile.
template <class F>
auto visit_width(std::int64_t K, F&& f) {
  if (K <= 32) return f(std::integral_constant<int, 32>{});
  return f(std::integral_constant<int, 64>{});
}

template <class T>
std::size_t shared_bytes(const TapConv& t, bool tensor_cores) {
  return visit_width(t.K, [&](auto n) -> std::size_t {
    const auto o = thin_in<T, n()>(t, tensor_cores ? kUnit<T> : 1);
    if constexpr (sizeof(T) == 4)
      if (!tensor_cores) return ffma_bytes<n()>(o);
    return mma_bytes<T, n()>(o);
  });
}

/// Four blocks a multiprocessor, each of which loads the filter once.
template <class T, bool TensorCores>
void run_typed(const TapConv& t, Context& ctx) {
  visit_width(t.K, [&](auto n) {
    auto o = thin_in<T, n()>(t, TensorCores ? kUnit<T> : 1);
    const MomentsInStore moments(t.epilogue, t.N, {o.part.tiles / t.N}, 1, t.K, ctx);
    o.slots = moments.slots();
    const std::int64_t groups = (t.K + n() - 1) / n();
    const auto blocks = static_cast<unsigned>(std::clamp(4 * ctx.device().multiprocessors, 1, o.part.tiles));
    const Launch l{dim3(blocks, static_cast<unsigned>(groups)), kThinThreads, shared_bytes<T>(t, TensorCores),
                   ctx.stream()};
    if constexpr (TensorCores)
      launch(convolve_mma<T, n()>, l, o);
    else
      launch(convolve_ffma<n()>, l, o);
    moments.merge(t.h.out * t.w.out, ctx);
  });
}

template <class Args>
bool fits(const Args& a, std::int64_t channels, bool tf32, const DeviceInfo& device) {
  if (!is_thin(a.d, channels) || !is_loadable(a) || !has_products(a.dtype(), tf32, device)) return false;
  const TapConv t = taps_of(a);
  const std::size_t bytes = a.dtype() == DType::f32 ? shared_bytes<float>(t, tf32) : shared_bytes<__half>(t, true);
  return bytes <= device.shared_per_block;
}

template <class Args>
void run_stored(const Args& a, Context& ctx) {
  if (a.dtype() == DType::f16)
    run_typed<__half, true>(taps_of(a), ctx);
  else if (a.dtype() == DType::bf16)
    run_typed<__nv_bfloat16, true>(taps_of(a), ctx);
  else
    run_typed<float, false>(taps_of(a), ctx);
}

}  // namespace

bool thin_in_supports(const Conv2dForward& a, const DeviceInfo& device) { return fits(a, a.d.C, false, device); }
bool thin_in_tf32_supports(const Conv2dForward& a, const DeviceInfo& device) { return fits(a, a.d.C, true, device); }
bool thin_in_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return a.d.unit_stride() && fits(a, a.d.K, false, device);
}
bool thin_in_tf32_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return a.d.unit_stride() && fits(a, a.d.K, true, device);
}

void conv2d_forward_thin_in(const Conv2dForward& a, Context& ctx) { run_stored(a, ctx); }
void conv2d_forward_thin_in_tf32(const Conv2dForward& a, Context& ctx) { run_typed<float, true>(taps_of(a), ctx); }
void conv2d_backward_input_thin_in(const Conv2dBackwardInput& a, Context& ctx) { run_stored(a, ctx); }
void conv2d_backward_input_thin_in_tf32(const Conv2dBackwardInput& a, Context& ctx) {
  run_typed<float, true>(taps_of(a), ctx);
}

}  // namespace sumi::cuda
