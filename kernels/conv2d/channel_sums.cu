// One read of the tensor, 0.1 to 4 operations a byte: the bound is memory, 3.35 TB/s, or L2 where the convolution has
// just written it. A block sums 32 channels of up to 1024 pixels, in 8 strands. Of v - shift and its square, shift
// being the chunk's first value, so that nothing cancels; chunks merge after Chan, Golub and LeVeque (1979), in order.
#include "kernels/conv2d/channel_sums.h"

#include "kernels/device/elements.h"

namespace sumi::cuda {
namespace {

constexpr int kLanes = 32, kStrands = 8, kMergeThreads = 128;

/// [images, pixels, channels] in chunks of pixels: blocks are (image, chunk, 32 channels), channels fastest.
struct Chunked {
  std::int64_t images, pixels, channels;
  int per_chunk, chunks, channel_blocks;

  Chunked(std::int64_t n, std::int64_t p, std::int64_t c) : images(n), pixels(p), channels(c) {
    constexpr std::int64_t kWanted = 1024, kLeast = 64, kMost = 1024;
    channel_blocks = static_cast<int>((c + kLanes - 1) / kLanes);
    per_chunk = static_cast<int>(std::clamp(p * n * channel_blocks / kWanted, kLeast, kMost));
    chunks = static_cast<int>((p + per_chunk - 1) / per_chunk);
  }
  unsigned blocks() const { return blocks_for(images * chunks * channel_blocks, 1); }
  std::size_t slots() const { return static_cast<std::size_t>(images * chunks * channels); }
};

struct Moments {
  float mean, m2;
};

template <class T>
__global__ void __launch_bounds__(kLanes* kStrands) sum_chunks(const T* y, Moments* slots, Chunked s) {
  __shared__ float sums[kStrands][kLanes], squares[kStrands][kLanes];
  const int lane = static_cast<int>(threadIdx.x), strand = static_cast<int>(threadIdx.y);
  const std::int64_t block = blockIdx.x, slot = block / s.channel_blocks, image = slot / s.chunks;
  const std::int64_t c = block % s.channel_blocks * kLanes + lane, first = slot % s.chunks * s.per_chunk;
  const std::int64_t left = s.pixels - first;
  const int count = left < s.per_chunk ? static_cast<int>(left) : s.per_chunk;
  const T* from = y + (image * s.pixels + first) * s.channels + c;
  const bool used = c < s.channels;
  const float shift = used ? to_float(*from) : 0.f;
  float sum = 0, square = 0;
  if (used)
    for (int i = strand; i < count; i += kStrands) {
      const float v = to_float(from[i * s.channels]) - shift;
      sum += v, square = fmaf(v, v, square);
    }
  sums[strand][lane] = sum, squares[strand][lane] = square;
  __syncthreads();
  if (strand > 0 || !used) return;
  for (int i = 1; i < kStrands; i++) sum += sums[i][lane], square += squares[i][lane];
  const float n = static_cast<float>(count), m2 = square - sum * (sum / n);
  slots[slot * s.channels + c] = {shift + sum / n, m2 > 0 ? m2 : 0.f};
}

/// A thread merges one (image, channel).
__global__ void __launch_bounds__(kMergeThreads)
    merge_moments(const Moments* slots, float* mean, float* var, Chunked s) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kMergeThreads + threadIdx.x;
  if (i >= s.images * s.channels) return;
  const std::int64_t image = i / s.channels, c = i % s.channels;
  double count = 0, all = 0, m2 = 0;
  for (int k = 0; k < s.chunks; k++) {
    const Moments m = slots[(image * s.chunks + k) * s.channels + c];
    const std::int64_t left = s.pixels - std::int64_t{k} * s.per_chunk;
    const double n = static_cast<double>(left < s.per_chunk ? left : s.per_chunk), total = count + n;
    const double delta = static_cast<double>(m.mean) - all;
    all += delta * (n / total);
    m2 += static_cast<double>(m.m2) + delta * delta * (count * n / total);
    count = total;
  }
  mean[i] = static_cast<float>(all), var[i] = static_cast<float>(m2 / count);
}

/// A thread adds one channel's chunks: count times mean each.
__global__ void __launch_bounds__(kMergeThreads) merge_sums(const Moments* slots, float* sums, Chunked s) {
  const std::int64_t c = std::int64_t{blockIdx.x} * kMergeThreads + threadIdx.x;
  if (c >= s.channels) return;
  double sum = 0;
  for (int k = 0; k < s.chunks; k++) {
    const std::int64_t left = s.pixels - std::int64_t{k} * s.per_chunk;
    sum += static_cast<double>(slots[k * s.channels + c].mean) *
           static_cast<double>(left < s.per_chunk ? left : s.per_chunk);
  }
  sums[c] = static_cast<float>(sum);
}

Scratch sum_slots(const TensorRef& y, const Chunked& s, Context& ctx) {
  Scratch slots = ctx.scratch(s.slots() * sizeof(Moments));
  visit_gpu_float(y.dtype, [&](auto t) {
    using T = decltype(t);
    launch(sum_chunks<T>, {s.blocks(), dim3(kLanes, kStrands), 0, ctx.stream()}, y.as<T>(), slots.as<Moments>(), s);
  });
  return slots;
}

}  // namespace

void store_moments(const Epilogue& e, const TensorRef& y, std::int64_t images, std::int64_t pixels,
                   std::int64_t channels, Context& ctx) {
  if (!e.mean) return;
  const Chunked s(images, pixels, channels);
  const Scratch slots = sum_slots(y, s, ctx);
  launch(merge_moments, {blocks_for(images * channels, kMergeThreads), kMergeThreads, 0, ctx.stream()},
         slots.as<Moments>(), e.mean.as<float>(), e.var.as<float>(), s);
}

void store_bias_gradient(const Conv2dBackwardWeight& a, Context& ctx) {
  if (!a.dbias) return;
  const Chunked s(1, a.d.N * a.d.P() * a.d.Q(), a.d.K);
  const Scratch slots = sum_slots(a.dy, s, ctx);
  launch(merge_sums, {blocks_for(a.d.K, kMergeThreads), kMergeThreads, 0, ctx.stream()}, slots.as<Moments>(),
         a.dbias.as<float>(), s);
}

}  // namespace sumi::cuda
