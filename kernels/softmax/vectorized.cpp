// One row at a time, in single precision with sums in double.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/elementary.h"
#include "kernels/softmax/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements a thread should have

template <class T>
void forward_row(const T* x, T* y, std::int64_t columns, bool log) {
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t c = 0; c < columns; c++) {
    const float v = x[c];
    largest = largest < v ? v : largest;
  }
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t c = 0; c < columns; c++) sum += elementary::exp(static_cast<float>(x[c]) - largest);
  const auto offset = static_cast<float>(std::log(sum)), factor = static_cast<float>(1 / sum);
  if (log) {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++) put(y, c, static_cast<float>(x[c]) - largest - offset);
  } else {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++) put(y, c, elementary::exp(static_cast<float>(x[c]) - largest) * factor);
  }
}

template <class T>
void backward_row(const T* y, const T* dy, T* dx, std::int64_t columns, bool log) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t c = 0; c < columns; c++)
    total += static_cast<float>(dy[c]) * (log ? 1.f : static_cast<float>(y[c]));
  const auto sum = static_cast<float>(total);
  if (log) {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++)
      put(dx, c, static_cast<float>(dy[c]) - elementary::exp(static_cast<float>(y[c])) * sum);
  } else {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++) put(dx, c, static_cast<float>(y[c]) * (static_cast<float>(dy[c]) - sum));
  }
}

void run_forward(const SoftmaxForward& a, Context& ctx) {
  visit_f32_bf16(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.rows, std::max<std::int64_t>(1, kGrain / a.columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; r++)
        forward_row(a.x.as<T>() + r * a.columns, a.y.as<T>() + r * a.columns, a.columns, a.log);
    });
  });
}

void run_backward(const SoftmaxBackward& a, Context& ctx) {
  visit_f32_bf16(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.rows, std::max<std::int64_t>(1, kGrain / a.columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; r++)
        backward_row(a.y.as<T>() + r * a.columns, a.dy.as<T>() + r * a.columns, a.dx.as<T>() + r * a.columns, a.columns,
                     a.log);
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

void softmax_forward_vectorized(const SoftmaxForward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_forward)(a, ctx); }
void softmax_backward_vectorized(const SoftmaxBackward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_backward)(a, ctx); }

}  // namespace sumi
#endif
