// A block a row of any length, in two walks over it: the first keeps a running maximum and a sum that is rescaled when
// the maximum grows (Milakov and Gimelshein 2018), the second writes. That is the one change against the textbook's
// three walks: 12 bytes an element of f32 instead of 16. The second walk finds its row in L2 while the rows at work, up
// to 8 a multiprocessor, fit its 50 MB: 12,000 columns of f32. Expected: 70 to 85 % of a copy's speed there, 60 beyond.
#include "kernels/device/elements.h"
#include "kernels/device/warp.h"
#include "kernels/map/elementary.h"
#include "kernels/softmax/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

/// exp(a - b), where both may be -infinity.
__device__ __forceinline__ float power_of_difference(float a, float b) { return a == b ? 1.f : __expf(a - b); }

template <class T, int V>
__global__ void __launch_bounds__(kThreads) forward(const T* x, T* y, std::int64_t columns, bool log) {
  __shared__ float shared[kThreads / 32];
  x += std::int64_t{blockIdx.x} * columns, y += std::int64_t{blockIdx.x} * columns;
  float largest = kLowest, sum = 0;
  for (std::int64_t c = threadIdx.x * V; c < columns; c += kThreads * V) {
    const Vector<T, V> v = load_vector<T, V>(x + c);
    float next = largest;
    for (const T e : v.v) next = to_float(e) > next ? to_float(e) : next;
    sum *= power_of_difference(largest, next);
    for (const T e : v.v) sum += power_of_difference(to_float(e), next);
    largest = next;
  }
  const float all = block_reduce(largest, shared, [](float a, float b) { return a > b ? a : b; });
  sum = block_sum(sum * power_of_difference(largest, all), shared);
  const float offset = log ? -elementary::log(sum) : 0.f, factor = 1 / sum;
  for (std::int64_t c = threadIdx.x * V; c < columns; c += kThreads * V) {
    Vector<T, V> v = load_vector<T, V>(x + c);
    for (T& e : v.v) {
      const float score = to_float(e) - all;
      e = from_float<T>(log ? score + offset : __expf(score) * factor);
    }
    store_vector(y + c, v);
  }
}

template <class T, int V>
__global__ void __launch_bounds__(kThreads) backward(const T* y, const T* dy, T* dx, std::int64_t columns, bool log) {
  __shared__ float shared[kThreads / 32];
  const std::int64_t row = std::int64_t{blockIdx.x} * columns;
  float sum = 0;
  for (std::int64_t c = threadIdx.x * V; c < columns; c += kThreads * V) {
    const Vector<T, V> d = load_vector<T, V>(dy + row + c);
    Vector<T, V> v = {};
    if (!log) v = load_vector<T, V>(y + row + c);
    for (int e = 0; e < V; e++) sum += log ? to_float(d.v[e]) : to_float(d.v[e]) * to_float(v.v[e]);
  }
  sum = block_sum(sum, shared);
  for (std::int64_t c = threadIdx.x * V; c < columns; c += kThreads * V) {
    const Vector<T, V> v = load_vector<T, V>(y + row + c);
    Vector<T, V> d = load_vector<T, V>(dy + row + c);
    for (int e = 0; e < V; e++) {
      const float score = to_float(v.v[e]), gradient = to_float(d.v[e]);
      d.v[e] = from_float<T>(log ? gradient - __expf(score) * sum : score * (gradient - sum));
    }
    store_vector(dx + row + c, d);
  }
}

}  // namespace

void softmax_forward_online(const SoftmaxForward& a, Context& ctx) {
  if (a.rows * a.columns == 0) return;
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    constexpr int V = kVector<T>;
    launch(a.columns % V == 0 ? forward<T, V> : forward<T, 1>, {blocks_for(a.rows, 1), kThreads, 0, ctx.stream()},
           a.x.as<T>(), a.y.as<T>(), a.columns, a.log);
  });
}

void softmax_backward_online(const SoftmaxBackward& a, Context& ctx) {
  if (a.rows * a.columns == 0) return;
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    constexpr int V = kVector<T>;
    launch(a.columns % V == 0 ? backward<T, V> : backward<T, 1>, {blocks_for(a.rows, 1), kThreads, 0, ctx.stream()},
           a.y.as<T>(), a.dy.as<T>(), a.dx.as<T>(), a.columns, a.log);
  });
}

}  // namespace sumi::cuda
