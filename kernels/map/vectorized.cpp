// One pass per map, its function inlined into the loop.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/map/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kGrain = 16384;

template <Map F, class T>
void forward(const T* x, T* y, std::int64_t n, float a) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) put(y, i, map_value<F, float>(x[i], a));
}

template <Map F, class T>
void backward(const T* x, const T* dy, T* dx, std::int64_t n, float a) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) put(dx, i, static_cast<float>(dy[i]) * map_derivative<F, float>(x[i], a));
}

void run_forward(const MapForward& m, Context& ctx) {
  visit_f32_bf16(m.dtype(), [&](auto t) {
    visit_map(m.f, [&](auto f) {
      using T = decltype(t);
      parallel_for(ctx, m.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
        forward<decltype(f)::value>(m.x.as<T>() + begin, m.y.as<T>() + begin, end - begin, static_cast<float>(m.a));
      });
    });
  });
}

void run_backward(const MapBackward& m, Context& ctx) {
  visit_f32_bf16(m.dtype(), [&](auto t) {
    visit_map(m.f, [&](auto f) {
      using T = decltype(t);
      parallel_for(ctx, m.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
        backward<decltype(f)::value>(m.x.as<T>() + begin, m.dy.as<T>() + begin, m.dx.as<T>() + begin, end - begin,
                                     static_cast<float>(m.a));
      });
    });
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_forward);
HWY_EXPORT(run_backward);

void map_forward_vectorized(const MapForward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_forward)(a, ctx); }
void map_backward_vectorized(const MapBackward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_backward)(a, ctx); }

}  // namespace sumi
#endif
