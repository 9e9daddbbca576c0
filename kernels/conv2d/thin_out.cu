// Up to 4 output channels: a picture. A product's tile of 64 columns would be 3/64 full, so this is not one: every
// multiply-add is wanted, on ordinary cores.
//
// The channels of a pixel are split among neighbouring lanes, 16 bytes each, so that a warp's loads are contiguous; a
// thread makes its channels' part of 4 pixels, and lanes add up their parts by shuffles, in a fixed order. The filter
// stands in shared memory, in f32, as [tap][channel of a chunk][chunk][4 outputs]: a lane reads the outputs of one
// channel at once, and neighbouring lanes read neighbours. For K = 3 and a chunk of 8 channels of 4 pixels: 96
// multiply-adds, 24 cycles of a multiprocessor's quarter; 8 reads of the filter and 4 of pixels, 24 cycles of its load
// unit. Expected about half of 67 TFLOP/s: 9 x 9, 32 to 3 channels at 256 x 256 is 1 GFLOP, 30 us; on tensor cores at 3
// of 64 columns about 55.
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/thin_part.h"
#include "kernels/device/warp.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 128, kPixels = 4;

/// Where filter element (k, r, s, c) stands.
struct FilterSteps {
  int k, r, s, c;
};

template <class T>
struct ThinOut {
  Image<T> image;
  const T* filter;
  FilterSteps steps;
  AxisTaps h, w;
  int step_h, step_w, pixels;  // of all output images
  int lanes, chunks, rounds;   // lanes of a pixel: a power of 2; chunks of 16 bytes of a pixel; rounds of a block
  Finish<T> finish;
};

template <class T>
__device__ __forceinline__ void load_filter(const ThinOut<T>& o, float* taps) {
  constexpr int V = kVector<T>;
  const int C = o.image.C, all = o.h.taps * o.w.taps * C;
  for (int i = static_cast<int>(threadIdx.x); i < all; i += kThreads) {
    const int tap = i / C, c = i - tap * C, r = tap / o.w.taps, s = tap - r * o.w.taps;
    const std::int64_t at = std::int64_t{o.h.index + r * o.h.index_step} * o.steps.r +
                            std::int64_t{o.w.index + s * o.w.index_step} * o.steps.s + std::int64_t{c} * o.steps.c;
#pragma unroll
    for (int k = 0; k < kMostThin; k++)
      taps[((tap * V + c % V) * o.chunks + c / V) * kMostThin + k] =
          k < o.finish.N ? to_float(o.filter[at + std::int64_t{k} * o.steps.k]) : 0.f;
  }
}

/// Adds one tap's share of a thread's pixels.
template <class T, int K>
__device__ __forceinline__ void add_chunk(const Raw<T> (&raw)[kPixels], const float* taps, int stride,
                                          float (&sums)[kPixels][K]) {
  Vector<T> x[kPixels];
#pragma unroll
  for (int i = 0; i < kPixels; i++) x[i] = unpack<T>(raw[i]);
#pragma unroll
  for (int v = 0; v < kVector<T>; v++) {
    const Vector<float, kMostThin> w = load_vector<float, kMostThin>(taps + v * stride);
#pragma unroll
    for (int i = 0; i < kPixels; i++)
#pragma unroll
      for (int k = 0; k < K; k++) sums[i][k] = fmaf(to_float(x[i].v[v]), w.v[k], sums[i][k]);
  }
}

template <class T, int K>
__global__ void __launch_bounds__(kThreads) convolve_thin(const __grid_constant__ ThinOut<T> o) {
  constexpr int V = kVector<T>;
  float* taps = dyn_smem<float>();
  load_filter(o, taps);
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % o.lanes, group = static_cast<int>(threadIdx.x) / o.lanes;
  const int groups = kThreads / o.lanes, stride = o.chunks * kMostThin;
#pragma unroll 1
  for (int round = 0; round < o.rounds; round++) {
    const int first = (static_cast<int>(blockIdx.x) * o.rounds + round) * groups * kPixels + group;
    int n[kPixels], h0[kPixels], w0[kPixels];
#pragma unroll
    for (int i = 0; i < kPixels; i++) {
      const int m = first + i * groups, line = m / o.w.count;
      n[i] = m < o.pixels ? line / o.h.count : -1;
      h0[i] = line % o.h.count * o.step_h + o.h.offset, w0[i] = (m - line * o.w.count) * o.step_w + o.w.offset;
    }
    float sums[kPixels][K] = {};
#pragma unroll 1
    for (int r = 0; r < o.h.taps; r++)
#pragma unroll 1
      for (int s = 0; s < o.w.taps; s++)
#pragma unroll 1
        for (int chunk = lane; chunk < o.chunks; chunk += o.lanes) {
          Raw<T> x[kPixels];
#pragma unroll
          for (int i = 0; i < kPixels; i++) {
            x[i] = {};
            if (n[i] >= 0)
              x[i] = pack(o.image.load(n[i], h0[i] + r * o.h.offset_step, w0[i] + s * o.w.offset_step, chunk * V));
          }
          add_chunk<T, K>(x, taps + (r * o.w.taps + s) * V * stride + chunk * kMostThin, stride, sums);
        }
#pragma unroll
    for (int i = 0; i < kPixels; i++)
#pragma unroll
      for (int k = 0; k < K; k++) {
        for (int l = o.lanes / 2; l > 0; l /= 2) sums[i][k] += __shfl_xor_sync(kWholeWarp, sums[i][k], l);
        if (lane > 0 || n[i] < 0 || k >= o.finish.N) continue;
        store_thin(o.finish, sums[i][k], first + i * groups, k);
      }
  }
}

/// Of a filter in shared memory.
std::size_t filter_bytes(std::int64_t R, std::int64_t S, std::int64_t in) {
  return static_cast<std::size_t>(R * S * in * kMostThin) * sizeof(float);
}

bool is_thin(const Conv2dDims& d, std::int64_t in, std::int64_t out, DType t, const DeviceInfo& device) {
  const auto chunk = static_cast<std::int64_t>(16 / size_of(t));
  return d.groups == 1 && out <= kMostThin && in % chunk == 0 && indices_fit(d) &&
         filter_bytes(d.R, d.S, in) <= device.shared_per_block;
}

template <class T, int K>
void start(const ThinOut<T>& o, std::size_t smem, Stream stream) {
  launch(convolve_thin<T, K>,
         {blocks_for(o.pixels, std::int64_t{kThreads} / o.lanes * kPixels * o.rounds), kThreads, smem, stream}, o);
}

template <class T>
void run_typed(const TapConv& t, Context& ctx) {
  const AxisPhases h = phases_of(t.h), w = phases_of(t.w);
  const auto R = static_cast<int>(t.h.filter), S = static_cast<int>(t.w.filter), C = static_cast<int>(t.C),
             K = static_cast<int>(t.K);
  const FilterSteps steps = t.transposed ? FilterSteps{1, S * K, K, R * S * K} : FilterSteps{R * S * C, S * C, C, 1};
  ThinOut<T> o{.image = image_of<T>(t),
               .filter = t.filter.as<T>(),
               .steps = steps,
               .h = h.phase[0],
               .w = w.phase[0],
               .step_h = h.in_step,
               .step_w = w.in_step,
               .pixels = static_cast<int>(t.N * t.h.out * t.w.out),
               .lanes = 1,
               .chunks = C / kVector<T>,
               .rounds = 1,
               .finish = finish_of<T>(t)};
  while (o.lanes < 8 && o.chunks % (2 * o.lanes) == 0) o.lanes *= 2;
  // Reading the filter costs about as much as 10 pixels a thread.
  o.rounds = std::clamp(o.pixels / (kThreads / o.lanes * kPixels) / (2 * static_cast<int>(kBlocksWanted)), 1, 8);
  const std::size_t smem = filter_bytes(R, S, C);
  if (K <= 3)
    start<T, 3>(o, smem, ctx.stream());
  else
    start<T, 4>(o, smem, ctx.stream());
  store_moments(t.epilogue, t.y, t.N, t.h.out * t.w.out, t.K, ctx);
}

}  // namespace

bool thin_out_supports(const Conv2dForward& a, const DeviceInfo& device) {
  return is_thin(a.d, a.d.C, a.d.K, a.dtype(), device) && is_loadable(a);
}
bool thin_out_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return is_thin(a.d, a.d.K, a.d.C, a.dtype(), device) && a.d.unit_stride() && is_loadable(a);
}

void conv2d_forward_thin_out(const Conv2dForward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run_typed<decltype(t)>(taps_of(a), ctx); });
}
void conv2d_backward_input_thin_out(const Conv2dBackwardInput& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run_typed<decltype(t)>(taps_of(a), ctx); });
}

}  // namespace sumi::cuda
