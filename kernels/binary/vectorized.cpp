// The longest axis range that both operands walk alike is the inner loop: same shape, scalar, per channel, per pixel.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/binary/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/binary/rows.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kGrain = 16384;

/// An operand steps along the inner axis by 1 or not at all.
template <BinaryOp F, bool kStepA, bool kStepB, class T>
void inner(const T* a, const T* b, T* y, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) put(y, i, binary_value<F, float>(a[kStepA ? i : 0], b[kStepB ? i : 0]));
}

template <BinaryOp F, class T>
void segment(const BinaryWalk& w, const T* a, const T* b, T* y, std::int64_t n) {
  if (w.step_a && w.step_b) return inner<F, true, true>(a, b, y, n);
  if (w.step_a) return inner<F, true, false>(a, b, y, n);
  if (w.step_b) return inner<F, false, true>(a, b, y, n);
  inner<F, false, false>(a, b, y, n);
}

template <BinaryOp F, class T>
void range(const Binary& g, const BinaryWalk& w, std::int64_t begin, std::int64_t end) {
  while (begin < end) {
    const std::int64_t along = begin % w.inner, n = std::min(w.inner - along, end - begin);
    const auto [at_a, at_b] = w.row(begin / w.inner);
    segment<F>(w, g.a.as<T>() + at_a + along * w.step_a, g.b.as<T>() + at_b + along * w.step_b, g.y.as<T>() + begin, n);
    begin += n;
  }
}

void run_vectorized(const Binary& g, Context& ctx) {
  const BinaryWalk w(g.a_dims, g.b_dims);
  visit_f32_bf16(g.dtype(), [&](auto t) {
    visit_binary(g.f, [&](auto f) {
      parallel_for(ctx, count(broadcast(g.a_dims, g.b_dims)), kGrain, [&](std::int64_t begin, std::int64_t end) {
        range<decltype(f)::value, decltype(t)>(g, w, begin, end);
      });
    });
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_vectorized);

void binary_vectorized(const Binary& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_vectorized)(a, ctx); }

}  // namespace sumi
#endif
