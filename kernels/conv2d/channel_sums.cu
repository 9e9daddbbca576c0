// A bias gradient reads dy once, 1 addition an element: memory's time. A block sums 32 channels of a chunk of pixels,
// in 8 strands; chunks go to slots that are added in order. The statistics of an epilogue are the norms' own, made of
// what the convolution has just written and L2 may still hold.
#include "kernels/conv2d/channel_sums.h"

#include "kernels/gemm/finish.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kLanes = 32, kStrands = 8;

/// dy is [pixels, K]: blocks are (chunk of pixels, 32 channels), channels fastest.
template <class T>
__global__ void __launch_bounds__(kLanes* kStrands)
    sum_chunks(const T* dy, float* slots, std::int64_t pixels, int K, int per_chunk) {
  __shared__ float sums[kStrands][kLanes];
  const int lane = static_cast<int>(threadIdx.x), strand = static_cast<int>(threadIdx.y);
  const int channel_blocks = (K + kLanes - 1) / kLanes;
  const int c = static_cast<int>(blockIdx.x) % channel_blocks * kLanes + lane;
  const std::int64_t chunk = static_cast<int>(blockIdx.x) / channel_blocks, first = chunk * per_chunk;
  const int count = pixels - first < per_chunk ? static_cast<int>(pixels - first) : per_chunk;
  float sum = 0;
  if (c < K)
    for (int i = strand; i < count; i += kStrands) sum += to_float(dy[(first + i) * K + c]);
  sums[strand][lane] = sum;
  __syncthreads();
  if (strand > 0 || c >= K) return;
  for (int i = 1; i < kStrands; i++) sum += sums[i][lane];
  slots[chunk * K + c] = sum;
}

}  // namespace

void store_moments(const Epilogue& e, const TensorRef& y, std::int64_t images, std::int64_t pixels,
                   std::int64_t channels, Context& ctx) {
  if (!e.mean) return;
  const NormStats a{
      .d = {.N = images, .HW = pixels, .C = channels, .groups = channels}, .x = y, .mean = e.mean, .var = e.var};
  if (norm_stats_split_pays(a, ctx.device()))
    norm_stats_split(a, ctx);
  else
    norm_stats_block_per_group(a, ctx);
}

void store_bias_gradient(const Conv2dBackwardWeight& a, Context& ctx) {
  if (!a.dbias) return;
  const std::int64_t pixels = a.d.N * a.d.P() * a.d.Q(), channel_blocks = (a.d.K + kLanes - 1) / kLanes;
  const std::int64_t each = std::clamp<std::int64_t>(pixels * channel_blocks / 1024, 64, 8192);
  const std::int64_t chunks = (pixels + each - 1) / each;
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(chunks * a.d.K) * sizeof(float));
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(sum_chunks<T>, {blocks_for(chunks * channel_blocks, 1), dim3(kLanes, kStrands), 0, ctx.stream()},
           a.dy.as<T>(), slots.as<float>(), pixels, static_cast<int>(a.d.K), static_cast<int>(each));
  });
  const Finish<float> f{
      .y = a.dbias.as<float>(), .N = static_cast<int>(a.d.K), .partial = slots.as<float>(), .slot = a.d.K};
  launch_add_splits(f, 1, static_cast<int>(chunks), ctx.stream());
}

}  // namespace sumi::cuda
