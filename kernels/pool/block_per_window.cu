// Global pooling: 8 x 512 channels of 16 x 16 pixels are 4096 outputs, 512 vectors of 8. With a thread for each, 2
// blocks would read 4 MB at some 10 GB/s. Here a block takes one window and 8 channel vectors (128 contiguous bytes a
// pixel), 32 pixels at a time: 64 blocks with 8 loads a thread. Bytes: x once.
#include "kernels/device/pixel_lanes.h"
#include "kernels/pool/rows.h"
#include "kernels/pool/window.h"

namespace sumi::cuda {
namespace {

struct Windows {
  PixelLanes l = {};
  PoolDims d = {};
  int P = 1, Q = 1;
};

template <class T, int V, bool kMax>
__global__ void __launch_bounds__(kPixelThreads) pool(const T* x, T* y, Windows w) {
  __shared__ float rows[8 * 32 * V], totals[32 * V];
  const int q = static_cast<int>(blockIdx.x) % w.Q, image = static_cast<int>(blockIdx.x) / w.Q;  // of (N,P,Q)
  const Window high = window_rows(w.d, image % w.P), wide = window_columns(w.d, q);
  const int vector = static_cast<int>(blockIdx.y) * w.l.across + static_cast<int>(threadIdx.x % w.l.across);
  const T* from = x + image / w.P * w.d.H * w.d.W * w.d.C + vector * V;
  const int columns = static_cast<int>(wide.end - wide.begin), lines = static_cast<int>(high.end - high.begin);
  const int pixels = columns > 0 && lines > 0 && vector < w.l.vectors ? columns * lines : 0;
  const auto op = [](float a, float b) {
    if constexpr (kMax) return b > a || b != b ? b : a;  // NaN wins
    return a + b;
  };
  float v[V];
#pragma unroll
  for (int e = 0; e < V; e++) v[e] = kMax ? -INFINITY : 0;
  const auto load = [&](std::int64_t i) {
    const RowColumn at(i, columns);
    return load_vector<T, V>(from + ((high.begin + at.row) * w.d.W + wide.begin + at.column) * w.d.C);
  };
  for_each_in_batches(static_cast<int>(threadIdx.x) >> w.l.across_bits, pixels, w.l.down(), load,
                      [&](const Vector<T, V>& in) {
#pragma unroll
                        for (int e = 0; e < V; e++) v[e] = op(v[e], to_float(in.v[e]));
                      });
  combine_rows<V>(w.l, v, rows, totals, op);
  const int lane = static_cast<int>(threadIdx.x);
  const std::int64_t c = std::int64_t{blockIdx.y} * w.l.lanes() + lane;
  if (lane >= w.l.lanes() || c >= w.d.C) return;
  const float scale = kMax ? 1.f : 1.f / static_cast<float>(divisor(w.d, high, wide));
  y[blockIdx.x * w.d.C + c] = from_float<T>(totals[lane] * scale);
}

}  // namespace

void pool_forward_block_per_window(const PoolForward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const bool vectors = a.d.C % kVector<T> == 0;
    const Windows w{pixel_lanes(1, 1, a.d.C, vectors ? kVector<T> : 1, vectors ? 8 : 32), a.d,
                    static_cast<int>(a.d.P()), static_cast<int>(a.d.Q())};
    visit_lanes<T>(w.l, [&](auto v) {
      constexpr int kV = decltype(v)::value;
      const auto kernel = a.pooling == Pooling::max ? pool<T, kV, true> : pool<T, kV, false>;
      const dim3 grid(blocks_for(a.d.N * w.P * w.Q, 1), static_cast<unsigned>(w.l.tiles));
      launch(kernel, {grid, kPixelThreads, 0, ctx.stream()}, a.x.as<T>(), a.y.as<T>(), w);
    });
  });
}

bool pool_forward_block_per_window_pays(const PoolForward& a, const DeviceInfo&) {
  constexpr std::int64_t kThreadsToFill = 132 * 1024;  // half of what an H100 holds
  return a.d.R * a.d.S >= 64 && a.d.y_count() / 8 < kThreadsToFill;
}

}  // namespace sumi::cuda
