// One pass, 16 bytes a thread on the wider side. Bytes: one read and one write of each element; the floor is the
// memory's.
#include "kernels/cast/rows.h"
#include "kernels/device/elements.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;

/// Rounded to nearest even and clamped; a NaN fails the first comparison.
__device__ __forceinline__ std::uint8_t to_byte(float v) {
  const float above = v > 0.f ? v : 0.f;
  return static_cast<std::uint8_t>(rintf(above > 255.f ? 255.f : above));
}

template <class Y>
__device__ __forceinline__ Y convert(float v) {
  if constexpr (sizeof(Y) == 1)
    return to_byte(v);
  else
    return from_float<Y>(v);
}

template <class X, class Y, int V>
__global__ void __launch_bounds__(kThreads) cast(const X* x, Y* y, std::int64_t n, float scale, float shift) {
  const std::int64_t i = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * V;
  if (i + V <= n) {
    const Vector<X, V> in = load_vector<X, V>(x + i);
    Vector<Y, V> out;
    for (int k = 0; k < V; k++) out.v[k] = convert<Y>(to_float(in.v[k]) * scale + shift);
    store_vector(y + i, out);
  } else {
    for (std::int64_t k = i; k < n; k++) y[k] = convert<Y>(to_float(x[k]) * scale + shift);
  }
}

/// f(T{}) for the four types this row knows.
template <class F>
void visit_narrow(DType t, F&& f) {
  if (t == DType::u8) return f(std::uint8_t{});
  visit_gpu_float(t, f);
}

}  // namespace

void cast_vectorized(const Cast& a, Context& ctx) {
  visit_narrow(a.x.dtype, [&](auto x) {
    visit_narrow(a.y.dtype, [&](auto y) {
      using X = decltype(x);
      using Y = decltype(y);
      constexpr int V = static_cast<int>(16 / std::max(sizeof(X), sizeof(Y)));
      launch(cast<X, Y, V>, {blocks_for(a.n, kThreads * V), kThreads, 0, ctx.stream()}, a.x.as<X>(), a.y.as<Y>(), a.n,
             static_cast<float>(a.scale), static_cast<float>(a.offset()));
    });
  });
}

}  // namespace sumi::cuda
