// Losses and their gradients in one pass, 16 bytes a thread and load. Bytes: forward reads x and target, backward
// writes dx too; a difference and a square are hidden behind them.
#include "kernels/loss/parts.cuh"
#include "kernels/loss/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kVectors = 8;  // of each operand a thread: 32 KiB of x a block, 1,024 blocks for 32 MiB

template <class T>
__global__ void __launch_bounds__(kThreads)
    forward(const T* x, const T* target, std::int64_t n, Loss f, float delta, float* parts) {
  constexpr int V = kVector<T>;
  __shared__ float shared[kThreads / 32];
  const std::int64_t begin = (std::int64_t{blockIdx.x} * kVectors * kThreads + threadIdx.x) * V;
  float sum = 0;
  visit_loss(f, [&](auto loss) {
    const auto value = [&](T a, T b) { return loss_value<decltype(loss)::value>(to_float(a) - to_float(b), delta); };
#pragma unroll 4
    for (int k = 0; k < kVectors; k++) {
      const std::int64_t i = begin + std::int64_t{k} * kThreads * V;
      if (i + V <= n) {
        const Vector<T> a = load_vector(x + i), b = load_vector(target + i);
        for (int e = 0; e < V; e++) sum += value(a.v[e], b.v[e]);
      } else {
        for (std::int64_t e = i; e < n; e++) sum += value(x[e], target[e]);
      }
    }
  });
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    backward(const T* x, const T* target, const float* dloss, T* dx, std::int64_t n, Loss f, float delta, float share) {
  constexpr int V = kVector<T>;
  const std::int64_t i = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * V;
  if (i >= n) return;
  const float weight = dloss ? *dloss * share : share;
  visit_loss(f, [&](auto loss) {
    const auto gradient = [&](T a, T b) {
      return from_float<T>(weight * loss_derivative<decltype(loss)::value>(to_float(a) - to_float(b), delta));
    };
    if (i + V <= n) {
      const Vector<T> a = load_vector(x + i);
      Vector<T> b = load_vector(target + i);
      for (int e = 0; e < V; e++) b.v[e] = gradient(a.v[e], b.v[e]);
      store_vector(dx + i, b);
    } else {
      for (std::int64_t e = i; e < n; e++) dx[e] = gradient(x[e], target[e]);
    }
  });
}

}  // namespace

void loss_forward_chunked(const LossForward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const unsigned parts = blocks_for(a.n, kThreads * kVectors * kVector<T>);
    const Scratch sums = ctx.scratch(parts * sizeof(float));
    launch(forward<T>, {parts, kThreads, 0, ctx.stream()}, a.x.as<T>(), a.target.as<T>(), a.n, a.f,
           static_cast<float>(a.delta), sums.as<float>());
    launch(add_parts, {1, kThreads, 0, ctx.stream()}, sums.as<float>(), parts,
           static_cast<float>(1 / static_cast<double>(a.n)), a.loss.as<float>());
  });
}

void loss_backward_vectorized(const LossBackward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(backward<T>, {blocks_for(a.n, kThreads * kVector<T>), kThreads, 0, ctx.stream()}, a.x.as<T>(),
           a.target.as<T>(), a.dloss.as<float>(), a.dx.as<T>(), a.n, a.f, static_cast<float>(a.delta),
           static_cast<float>(1 / static_cast<double>(a.n)));
  });
}

}  // namespace sumi::cuda
