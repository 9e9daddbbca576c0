// groups = C = K: nothing to multiply as matrices, 2 R S FLOP per element read and written once. The bound is memory:
// 3x3 in bf16 makes 18 FLOP on 4 bytes, 4.5 a byte, where an H100 balances 67 TFLOP/s against 3.35 TB/s at 20. A thread
// makes one pixel of 16 bytes of channels; a block's 8 pixels by 32 such runs stand beside each other in memory, so
// that the taps' overlapping reads hit L1. The filter stands in shared memory, in f32, channels contiguous. The one
// change against `naive`, whose neighbouring threads are a group's pixels, C elements apart: they are neighbouring
// channels, 16 times fewer sectors in bf16 (8 in f32), located once for all of a thread's. Expected: 60 to 80 % of 3.35
// TB/s, more than 10 times `naive`.
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/direct.h"
#include "kernels/conv2d/image_product.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/weight_slots.h"
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/raw.h"
#include "kernels/gemm/tile_elements.h"

namespace sumi::cuda {
namespace {

constexpr int kRuns = 32, kPixels = 8, kSteps = 8;
constexpr int kTogether = 3;  // loads of a row of taps that are under way before the first is used

/// Input, output and filter; `transposed`: the input gradient, whose taps meet an input or not.
struct DepthwiseDims {
  int in_h, in_w, out_h, out_w, C, R, S, stride_h, stride_w, dilation_h, dilation_w, top, left;
  int pixels;  // of all output images
  bool transposed;
  /// The input position that tap t of output i reads; of a transpose, -1 where it meets none.
  static __device__ int position(bool transposed, int i, int t, int stride, int dilation, int before) {
    if (!transposed) return i * stride + t * dilation - before;
    const int p = i + before - t * dilation;
    return p < 0 || p % stride != 0 ? -1 : p / stride;
  }
};

/// V channels a thread: 16 bytes, or one where C is not whole chunks.
template <class T, int V>
__global__ void __launch_bounds__(kRuns* kPixels, 3)
    convolve(const __grid_constant__ Image<T> image, const T* filter, const __grid_constant__ DepthwiseDims d,
             const __grid_constant__ Finish<T> finish) {
  auto* taps = dyn_smem<float>();  // [R S][32 V]
  const int lane = static_cast<int>(threadIdx.x), thread = static_cast<int>(threadIdx.y) * kRuns + lane;
  const int runs = (d.C + kRuns * V - 1) / (kRuns * V), first = static_cast<int>(blockIdx.x % runs) * kRuns * V;
  const int RS = d.R * d.S;
  for (int i = thread; i < RS * kRuns * V; i += kRuns * kPixels) {
    const int c = i / RS, tap = i - c * RS;  // contiguous in the filter
    taps[tap * kRuns * V + c] = first + c < d.C ? to_float(filter[std::int64_t{first + c} * RS + tap]) : 0.f;
  }
  __syncthreads();
  const int c = first + lane * V;
  if (c >= d.C) return;
#pragma unroll 1
  for (int step = 0; step < kSteps; step++) {
    const int pixel = (static_cast<int>(blockIdx.x) / runs * kSteps + step) * kPixels + static_cast<int>(threadIdx.y);
    if (pixel >= d.pixels) return;
    const RowColumn at(pixel, d.out_w), of(at.row, d.out_h);
    const int n = of.row, p = of.column, q = at.column;
    float sums[V] = {};
    const ChannelParameters<V> own(image.map, std::int64_t{n} * d.C + c);
#pragma unroll 1
    for (int r = 0; r < d.R; r++) {
      const int h = DepthwiseDims::position(d.transposed, p, r, d.stride_h, d.dilation_h, d.top);
      if (d.transposed && h < 0) continue;
#pragma unroll 1
      for (int s0 = 0; s0 < d.S; s0 += kTogether) {
        Raw<T, V> held[kTogether] = {};
        bool there[kTogether];
#pragma unroll
        for (int k = 0; k < kTogether; k++) {
          const int w = DepthwiseDims::position(d.transposed, q, s0 + k, d.stride_w, d.dilation_w, d.left);
          const T* from;
          there[k] = s0 + k < d.S && !(d.transposed && w < 0) && image.locate(n, h, w, c, from);
          if (there[k]) held[k] = load_raw<T, V>(from);
        }
#pragma unroll
        for (int k = 0; k < kTogether; k++) {
          if (!there[k]) continue;
          const Vector<T, V> x = unpack<T, V>(held[k]);
          const float* tap = taps + (r * d.S + s0 + k) * kRuns * V + lane * V;
#pragma unroll
          for (int i = 0; i < V; i++) {
            const float v = to_float(x.v[i]);
            sums[i] = fmaf(image.map.scale ? image.map.apply(v, own.scale[i], own.shift[i]) : v, tap[i], sums[i]);
          }
        }
      }
    }
    if constexpr (V == kVector<T>)
      store_finished(finish, sums, pixel, c, V);
    else
      store_one(finish, sums[0], pixel, c);
  }
}

/// Of shared memory, which holds the taps of 32 V channels.
std::size_t filter_bytes(std::int64_t taps, std::int64_t V) {
  return static_cast<std::size_t>(taps * kRuns * V) * sizeof(float);
}

template <class T, int V>
void start(const TapConv& t, const DepthwiseDims& d, Context& ctx) {
  constexpr std::int64_t kChannels = kRuns * V;
  const std::int64_t runs = (d.C + kChannels - 1) / kChannels,
                     pixel_blocks = (d.pixels + kPixels * kSteps - 1) / (kPixels * kSteps);
  launch(convolve<T, V>,
         {blocks_for(pixel_blocks * runs, 1), dim3(kRuns, kPixels), filter_bytes(d.R * d.S, V), ctx.stream()},
         image_of<T>(t), t.filter.as<T>(), d, finish_of<T>(t));
}

DepthwiseDims dims_of(const TapConv& t, const Conv2dDims& c, bool transposed) {
  const auto narrow = [](std::int64_t v) { return static_cast<int>(v); };
  return {narrow(t.h.in),  narrow(t.w.in),
          narrow(t.h.out), narrow(t.w.out),
          narrow(t.C),     narrow(c.R),
          narrow(c.S),     c.stride_h,
          c.stride_w,      c.dilation_h,
          c.dilation_w,    c.pad.top,
          c.pad.left,      narrow(t.N * t.h.out * t.w.out),
          transposed};
}

/// A forward convolution or an input gradient.
template <class Args>
void run_depthwise(const Args& a, Context& ctx) {
  const TapConv t = taps_of(a);
  const DepthwiseDims d = dims_of(t, a.d, t.transposed);
  visit_gpu_float(a.dtype(), [&](auto v) {
    using T = decltype(v);
    if (d.C % kVector<T> == 0)
      start<T, kVector<T>>(t, d, ctx);
    else
      start<T, 1>(t, d, ctx);
  });
  store_moments(t.epilogue, t.y, t.N, t.h.out * t.w.out, t.K, ctx);
}

/// Sums of dy x over one chunk of pixels for one tap of 32 channels.
struct WeightChunks {
  int taps, channel_blocks, per_chunk, chunks;
  WeightChunks(const Conv2dDims& d)
      : taps(static_cast<int>(d.R * d.S)), channel_blocks(static_cast<int>((d.C + kRuns - 1) / kRuns)) {
    constexpr std::int64_t kWanted = 2048, kLeast = 64;
    const std::int64_t pixels = d.N * d.P() * d.Q();
    per_chunk = static_cast<int>(std::max(pixels * taps * channel_blocks / kWanted, kLeast));
    chunks = static_cast<int>((pixels + per_chunk - 1) / per_chunk);
  }
  unsigned blocks() const { return blocks_for(std::int64_t{taps} * channel_blocks * chunks, 1); }
};

template <class T>
__global__ void __launch_bounds__(kRuns* kPixels)
    weight_chunks(const __grid_constant__ Image<T> image, const T* dy, float* slots,
                  const __grid_constant__ DepthwiseDims d, const __grid_constant__ WeightChunks w) {
  __shared__ float strands[kPixels][kRuns];
  const int lane = static_cast<int>(threadIdx.x), strand = static_cast<int>(threadIdx.y);
  const int tap = static_cast<int>(blockIdx.x) % w.taps, rest = static_cast<int>(blockIdx.x) / w.taps;
  const int c = rest % w.channel_blocks * kRuns + lane, chunk = rest / w.channel_blocks;
  const int first = chunk * w.per_chunk, left = d.pixels - first, count = left < w.per_chunk ? left : w.per_chunk;
  const int r = tap / d.S, s = tap - r * d.S;
  struct Pair {
    T x, dy;
    bool there;
  };
  const auto load = [&](std::int64_t i) {
    const RowColumn at(first + i, d.out_w), of(at.row, d.out_h);
    const int h = DepthwiseDims::position(false, of.column, r, d.stride_h, d.dilation_h, d.top);
    const int x = DepthwiseDims::position(false, at.column, s, d.stride_w, d.dilation_w, d.left);
    const T* from;
    const bool there = image.locate(of.row, h, x, c, from);
    return Pair{*from, dy[(first + i) * d.C + c], there};
  };
  float sum = 0;
  if (c < d.C)
    for_each_in_batches(strand, count, kPixels, load, [&](const Pair& p) {
      if (p.there) sum = fmaf(to_float(p.x), to_float(p.dy), sum);
    });
  strands[strand][lane] = sum;
  __syncthreads();
  if (strand > 0 || c >= d.C) return;
  for (int i = 1; i < kPixels; i++) sum += strands[i][lane];
  slots[(std::int64_t{chunk} * d.C + c) * w.taps + tap] = sum;
}

template <class Args>
bool can_convolve(const Args& a, const DeviceInfo& device) {
  const auto V = static_cast<std::int64_t>(16 / size_of(a.dtype()));
  return is_depthwise(a.d) && filter_bytes(a.d.R * a.d.S, a.d.C % V == 0 ? V : 1) <= device.shared_per_block &&
         indices_fit(a.d) && is_loadable(a);
}

}  // namespace

bool depthwise_supports(const Conv2dForward& a, const DeviceInfo& device) { return can_convolve(a, device); }
bool depthwise_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) { return can_convolve(a, device); }
bool depthwise_supports(const Conv2dBackwardWeight& a, const DeviceInfo&) {
  return is_depthwise(a.d) && indices_fit(a.d);
}

void conv2d_forward_depthwise(const Conv2dForward& a, Context& ctx) { run_depthwise(a, ctx); }
void conv2d_backward_input_depthwise(const Conv2dBackwardInput& a, Context& ctx) { run_depthwise(a, ctx); }

void conv2d_backward_weight_depthwise(const Conv2dBackwardWeight& a, Context& ctx) {
  const TapConv t = taps_of(a);
  const DepthwiseDims d = dims_of(t, a.d, false);
  const WeightChunks w(a.d);
  const std::int64_t count = a.d.w_count();
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(w.chunks * count) * sizeof(float));
  visit_gpu_float(a.dtype(), [&](auto v) {
    using T = decltype(v);
    launch(weight_chunks<T>, {w.blocks(), dim3(kRuns, kPixels), 0, ctx.stream()}, image_of<T>(t), a.dy.as<T>(),
           slots.as<float>(), d, w);
  });
  add_weight_slots(a, slots, w.chunks, ctx);
  store_bias_gradient(a, ctx);
}

}  // namespace sumi::cuda
