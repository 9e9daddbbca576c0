// One stencil pass over x [N,H,W,C]. A block takes a piece of one row of W*C elements, so that its threads know h
// without a division. The neighbours are other threads' elements: the rows above and below come from the L2 cache, left
// and right from the L1, and memory sees every element once. Backward gathers the pull of four neighbours; nothing is
// scattered. Bytes: one read, and one write backward.
#include "kernels/loss/parts.cuh"
#include "kernels/loss/rows.h"

namespace sumi::cuda {
namespace {

/// Where the running thread's V elements stand.
struct Place {
  std::int64_t at, j;  // in x, in the row
  bool above, below;   // whether there are such rows
};

template <int V>
__device__ __forceinline__ Place place(std::int64_t H, std::int64_t length, unsigned tiles) {
  const std::int64_t row = blockIdx.x / tiles, h = row % H;
  const std::int64_t j = (std::int64_t{blockIdx.x % tiles} * blockDim.x + threadIdx.x) * V;
  return {row * length + j, j, h > 0, h + 1 < H};
}

/// The elements `by` away in the row; one that would lie outside is the element itself, which makes no difference.
template <class T, int V>
__device__ __forceinline__ Vector<T, V> beside(const T* x, const Place& p, const Vector<T, V>& self, std::int64_t by,
                                               std::int64_t length) {
  Vector<T, V> out = self;
  if (by % V == 0) {
    if (p.j + by >= 0 && p.j + by < length) out = load_vector<T, V>(x + p.at + by);
  } else {
#pragma unroll
    for (int e = 0; e < V; e++)
      if (p.j + e + by >= 0 && p.j + e + by < length) out.v[e] = x[p.at + e + by];
  }
  return out;
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    forward(const T* x, std::int64_t H, std::int64_t length, std::int64_t C, unsigned tiles, Loss f, float vertical,
            float horizontal, float* parts) {
  __shared__ float shared[kThreads / 32];
  const Place p = place<V>(H, length, tiles);
  float of_columns = 0, of_rows = 0;
  if (p.j < length) {
    const Vector<T, V> self = load_vector<T, V>(x + p.at);
    const Vector<T, V> right = beside(x, p, self, C, length);
    const Vector<T, V> below = p.below ? load_vector<T, V>(x + p.at + length) : self;
    visit_loss(f, [&](auto loss) {
      constexpr Loss kF = decltype(loss)::value;
      for (int e = 0; e < V; e++) {
        of_columns += loss_value<kF>(to_float(below.v[e]) - to_float(self.v[e]), 1.f);
        of_rows += loss_value<kF>(to_float(right.v[e]) - to_float(self.v[e]), 1.f);
      }
    });
  }
  const float sum = block_sum(of_columns * vertical + of_rows * horizontal, shared);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads)
    backward(const T* x, const float* dloss, T* dx, std::int64_t H, std::int64_t length, std::int64_t C, unsigned tiles,
             Loss f, float vertical, float horizontal) {
  const Place p = place<V>(H, length, tiles);
  if (p.j >= length) return;
  const float weight = dloss ? *dloss : 1.f;
  const Vector<T, V> self = load_vector<T, V>(x + p.at);
  const Vector<T, V> left = beside(x, p, self, -C, length), right = beside(x, p, self, C, length);
  const Vector<T, V> above = p.above ? load_vector<T, V>(x + p.at - length) : self;
  const Vector<T, V> below = p.below ? load_vector<T, V>(x + p.at + length) : self;
  Vector<T, V> out;
  visit_loss(f, [&](auto loss) {
    const auto pull = [](T before, T v, T after) {
      constexpr Loss kF = decltype(loss)::value;
      return loss_derivative<kF>(to_float(v) - to_float(before), 1.f) -
             loss_derivative<kF>(to_float(after) - to_float(v), 1.f);
    };
    for (int e = 0; e < V; e++)
      out.v[e] = from_float<T>(weight * (vertical * pull(above.v[e], self.v[e], below.v[e]) +
                                         horizontal * pull(left.v[e], self.v[e], right.v[e])));
  });
  store_vector(dx + p.at, out);
}

/// Blocks of whole warps that share a row evenly.
struct Rows {
  std::int64_t length;
  int vector;
  unsigned tiles, threads, blocks;
  Rows(const Dims4& d, int widest) : length(d.W * d.C), vector(length % widest == 0 ? widest : 1) {
    tiles = blocks_for(length, std::int64_t{vector} * kThreads);
    threads = (blocks_for(length, std::int64_t{vector} * tiles) + 31) / 32 * 32;
    blocks = blocks_for(d.N * d.H * tiles, 1);
  }
};

}  // namespace

void total_variation_forward_stencil(const TotalVariationForward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const Rows r(a.d, kVector<T>);
    const Scratch sums = ctx.scratch(r.blocks * sizeof(float));
    launch(r.vector > 1 ? forward<T, kVector<T>> : forward<T, 1>, {r.blocks, r.threads, 0, ctx.stream()}, a.x.as<T>(),
           a.d.H, r.length, a.d.C, r.tiles, loss_of_power(a.p), static_cast<float>(weight_of(vertical_pairs(a.d))),
           static_cast<float>(weight_of(horizontal_pairs(a.d))), sums.as<float>());
    launch(add_parts, {1, kThreads, 0, ctx.stream()}, sums.as<float>(), r.blocks, 1, a.loss.as<float>());
  });
}

void total_variation_backward_stencil(const TotalVariationBackward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const Rows r(a.d, kVector<T>);
    launch(r.vector > 1 ? backward<T, kVector<T>> : backward<T, 1>, {r.blocks, r.threads, 0, ctx.stream()}, a.x.as<T>(),
           a.dloss.as<float>(), a.dx.as<T>(), a.d.H, r.length, a.d.C, r.tiles, loss_of_power(a.p),
           static_cast<float>(weight_of(vertical_pairs(a.d))), static_cast<float>(weight_of(horizontal_pairs(a.d))));
  });
}

}  // namespace sumi::cuda
