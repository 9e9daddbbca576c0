// One row at a time, or 16 short ones side by side, in single precision.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/elementary.h"
#include "kernels/softmax/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements a thread should have

/// Sum of exp(x[c] - largest), in single precision over runs short enough for it.
template <class T>
double sum_of_exponentials(const T* x, std::int64_t columns, float largest) {
  constexpr std::int64_t kRun = 256;
  double sum = 0;
  for (std::int64_t begin = 0; begin < columns; begin += kRun) {
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (std::int64_t c = begin; c < std::min(begin + kRun, columns); c++)
      part += elementary::exp(static_cast<float>(x[c]) - largest);
    sum += part;
  }
  return sum;
}

template <class T>
void forward_row(const T* x, T* y, std::int64_t columns, bool log) {
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t c = 0; c < columns; c++) {
    const float v = x[c];
    largest = largest < v ? v : largest;
  }
  const double sum = sum_of_exponentials(x, columns, largest);
  const auto offset = static_cast<float>(std::log(sum)), factor = static_cast<float>(1 / sum);
  if (log) {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++) put(y, c, static_cast<float>(x[c]) - largest - offset);
  } else {
#pragma omp simd
    for (std::int64_t c = 0; c < columns; c++) put(y, c, elementary::exp(static_cast<float>(x[c]) - largest) * factor);
  }
}

constexpr int kTileRows = 16;
constexpr std::int64_t kTileColumns = 32;  // rows up to this long go kTileRows at a time, each in a lane of its own

template <class T>
void forward_tile(const T* x, T* y, std::int64_t rows, std::int64_t columns, bool log) {
  float v[kTileColumns][kTileRows], largest[kTileRows], sum[kTileRows] = {};
  for (int r = 0; r < kTileRows; r++)
    for (std::int64_t c = 0; c < columns; c++) v[c][r] = x[std::min<std::int64_t>(r, rows - 1) * columns + c];
  for (int r = 0; r < kTileRows; r++) largest[r] = v[0][r];
  for (std::int64_t c = 1; c < columns; c++)
    for (int r = 0; r < kTileRows; r++) largest[r] = largest[r] < v[c][r] ? v[c][r] : largest[r];
  for (std::int64_t c = 0; c < columns; c++)
    for (int r = 0; r < kTileRows; r++) {
      v[c][r] -= largest[r];
      const float e = elementary::exp(v[c][r]);
      sum[r] += e;
      v[c][r] = log ? v[c][r] : e;
    }
  for (int r = 0; r < kTileRows; r++) sum[r] = log ? elementary::log(sum[r]) : 1 / sum[r];
  for (std::int64_t c = 0; c < columns; c++)
    for (int r = 0; r < kTileRows; r++) v[c][r] = log ? v[c][r] - sum[r] : v[c][r] * sum[r];
  for (std::int64_t r = 0; r < rows; r++)
    for (std::int64_t c = 0; c < columns; c++) put(y, r * columns + c, v[c][r]);
}

/// Rows begin to end.
template <class T>
void forward_rows(const SoftmaxForward& a, std::int64_t begin, std::int64_t end) {
  const std::int64_t columns = a.columns;
  const auto x = [&](std::int64_t r) { return a.x.as<T>() + r * columns; };
  const auto y = [&](std::int64_t r) { return a.y.as<T>() + r * columns; };
  if (columns > kTileColumns)
    for (std::int64_t r = begin; r < end; r++) forward_row(x(r), y(r), columns, a.log);
  else
    for (std::int64_t r = begin; r < end; r += kTileRows)
      forward_tile(x(r), y(r), std::min<std::int64_t>(kTileRows, end - r), columns, a.log);
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
    parallel_for(ctx, a.rows, std::max<std::int64_t>(1, kGrain / a.columns),
                 [&](std::int64_t begin, std::int64_t end) { forward_rows<T>(a, begin, end); });
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
