// 16 bytes of the result a thread. Bytes: each operand once and the result once; a broadcast operand is small and comes
// from the caches. No arithmetic worth counting: the floor is the memory's.
//
// How an operand is reached is a uniform branch, which costs nothing beside a load's 400 cycles: 4 x 4 ways and 7
// functions in 3 dtypes need not be 336 kernels.
#include "kernels/binary/rows.h"
#include "kernels/device/divide.h"
#include "kernels/device/elements.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256, kAxes = 4;

enum class Reach : std::uint8_t {
  dense,   // lies as the result does
  scalar,  // one element
  rows,    // each vector of the result lies in one run of the inner axis: one load
  gather   // element by element
};

template <class T>
struct Source {
  const T* data;
  Reach reach;
  std::int64_t step;           // along the inner axis: 0 or 1
  std::int64_t stride[kAxes];  // along the outer ones
};

struct Walk {
  Divider inner, side[kAxes];
  int axes;
};

/// Where run `row` of the inner axis starts in s.
template <class T>
__device__ __forceinline__ std::int64_t start_of(const Source<T>& s, const Walk& w, std::int64_t row) {
  std::int64_t at = 0;
#pragma unroll
  for (int k = 0; k < kAxes; k++) {
    if (k == w.axes) break;
    const std::int64_t next = w.side[k].quotient(row);
    at += (row - next * w.side[k].divisor) * s.stride[k];
    row = next;
  }
  return at;
}

template <class T>
__device__ __forceinline__ void gather(const Source<T>& s, const Walk& w, std::int64_t i, int count,
                                       float (&out)[kVector<T>]) {
  std::int64_t row = w.inner.quotient(i), along = i - row * w.inner.divisor, at = start_of(s, w, row);
#pragma unroll
  for (int e = 0; e < kVector<T>; e++) {
    if (e >= count) break;
    out[e] = to_float(s.data[at + along * s.step]);
    if (++along < w.inner.divisor) continue;
    along = 0;
    at = start_of(s, w, ++row);
  }
}

/// The operand's elements for results i .. i + count.
template <class T>
__device__ __forceinline__ void fetch(const Source<T>& s, const Walk& w, std::int64_t i, int count,
                                      float (&out)[kVector<T>]) {
  constexpr int V = kVector<T>;
  if (s.reach == Reach::gather || (s.reach == Reach::dense && count < V)) return gather(s, w, i, count, out);
  const T* from = s.data;
  if (s.reach == Reach::dense) from += i;
  if (s.reach == Reach::rows) {
    const std::int64_t row = w.inner.quotient(i);
    from += start_of(s, w, row) + (i - row * w.inner.divisor) * s.step;
  }
  if (s.reach == Reach::scalar || (s.reach == Reach::rows && s.step == 0)) {
    const float v = to_float(*from);
    for (float& e : out) e = v;
  } else {
    const Vector<T> v = load_vector(from);
    for (int e = 0; e < V; e++) out[e] = to_float(v.v[e]);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    apply(const Source<T> a, const Source<T> b, T* y, std::int64_t n, const Walk w, BinaryOp f) {
  constexpr int V = kVector<T>;
  const std::int64_t i = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * V;
  if (i >= n) return;
  const int count = n - i < V ? static_cast<int>(n - i) : V;
  float left[V] = {}, right[V] = {};
  fetch(a, w, i, count, left);
  fetch(b, w, i, count, right);
  Vector<T> out;
  visit_binary(f, [&](auto op) {
#pragma unroll
    for (int e = 0; e < V; e++) out.v[e] = from_float<T>(binary_value<decltype(op)::value>(left[e], right[e]));
  });
  if (count == V) return store_vector(y + i, out);
#pragma unroll
  for (int e = 0; e < V; e++)
    if (e < count) y[i + e] = out.v[e];
}

template <class T>
Source<T> source(const TensorRef& operand, const Dims5& d, std::int64_t n, const BinaryWalk& w, bool second) {
  Source<T> s{operand.as<T>(), Reach::gather, second ? w.step_b : w.step_a, {}};
  for (std::size_t k = 0; k < kAxes; k++) s.stride[k] = second ? w.outer[k].stride_b : w.outer[k].stride_a;
  if (count(d) == n)
    s.reach = Reach::dense;
  else if (count(d) == 1)
    s.reach = Reach::scalar;
  else if (w.inner % kVector<T> == 0)
    s.reach = Reach::rows;
  return s;
}

}  // namespace

void binary_vectorized(const Binary& g, Context& ctx) {
  const std::int64_t n = count(broadcast(g.a_dims, g.b_dims));
  if (n == 0) return;
  const BinaryWalk walk(g.a_dims, g.b_dims);
  Walk w{Divider(walk.inner), {}, walk.axes};
  for (std::size_t k = 0; k < static_cast<std::size_t>(walk.axes); k++) w.side[k] = Divider(walk.outer[k].side);
  visit_gpu_float(g.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(apply<T>, {blocks_for(n, kThreads * kVector<T>), kThreads, 0, ctx.stream()},
           source<T>(g.a, g.a_dims, n, walk, false), source<T>(g.b, g.b_dims, n, walk, true), g.y.as<T>(), n, w, g.f);
  });
}

}  // namespace sumi::cuda
