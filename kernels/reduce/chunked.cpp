// x is seen as [O, R, I] and reduced over R. Sums are kept in double, in parts cut by the shape alone, added in order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/chunked.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <limits>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/reduce/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kWidth = 1024;  // accumulators, 8 KiB of the first cache
constexpr std::int64_t kPart = 65536;  // elements of one part

template <Reduction F>
double merge(double sum, double v) {
  if constexpr (F == Reduction::max) return ((v > sum) | (v != v)) ? v : sum;  // a NaN once taken stays
  return sum + v;
}

template <Reduction F, class T>
void accumulate(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t width, double* sums) {
  for (std::int64_t r = 0; r < rows; r++)
#pragma omp simd
    for (std::int64_t i = 0; i < width; i++) sums[i] = merge<F>(sums[i], static_cast<float>(x[r * stride + i]));
}

/// All of x[n], in registers.
template <Reduction F, class T>
double reduce_dense(const T* x, std::int64_t n) {
  if constexpr (F == Reduction::max) {
    float largest = -std::numeric_limits<float>::infinity();
    unsigned nans = 0;
#pragma omp simd reduction(max : largest) reduction(| : nans)
    for (std::int64_t i = 0; i < n; i++) {
      const float v = x[i];
      largest = largest < v ? v : largest;
      nans |= v != v ? 1u : 0u;
    }
    return nans ? std::numeric_limits<double>::quiet_NaN() : largest;
  }
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; i++) sum += static_cast<float>(x[i]);
  return sum;
}

/// Reduces `rows` rows of `width` <= kWidth elements, `stride` apart, into sums[width]. Narrow dense rows are taken
/// several at a time, so that the inner loop is long.
template <Reduction F, class T>
void reduce_part(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t width, double* sums) {
  if (stride == 1) {
    sums[0] = reduce_dense<F>(x, rows);
    return;
  }
  std::int64_t fold = 1;
  while (stride == width && 2 * fold * width <= 128 && 16 * fold <= rows) fold *= 2;
  std::fill_n(sums, fold * width, F == Reduction::max ? -std::numeric_limits<double>::infinity() : 0.0);
  accumulate<F>(x, rows / fold, fold * stride, fold * width, sums);
  for (std::int64_t half = fold / 2; half > 0; half /= 2)
#pragma omp simd
    for (std::int64_t i = 0; i < half * width; i++) sums[i] = merge<F>(sums[i], sums[half * width + i]);
  accumulate<F>(x + rows / fold * fold * stride, rows % fold, stride, width, sums);
}

template <Reduction F, class T, class Y>
void reduce(const Reduce& a, const ReduceView& v, Context& ctx) {
  const std::int64_t width = std::min(v.I, kWidth), blocks = (v.I + width - 1) / width;
  const std::int64_t rows = std::max<std::int64_t>(1, kPart / width), parts = (v.R + rows - 1) / rows;
  const double factor = a.f == Reduction::mean ? 1 / static_cast<double>(v.R) : 1;
  const auto partial =
      parts > 1 ? ctx.scratch(static_cast<std::size_t>(v.O * parts * v.I) * sizeof(double)) : ctx.scratch(1);
  const std::int64_t grain = std::max<std::int64_t>(1, kPart / 4 / (std::min(rows, v.R) * width));
  parallel_for(ctx, v.O * parts * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    double sums[kWidth];
    for (std::int64_t t = begin; t < end; t++) {
      const std::int64_t i = t % blocks * width, p = t / blocks % parts, o = t / blocks / parts;
      const std::int64_t here = std::min(width, v.I - i), r = p * rows;
      reduce_part<F>(a.x.as<T>() + (o * v.R + r) * v.I + i, std::min(rows, v.R - r), v.I, here, sums);
      if (parts > 1)
        std::copy_n(sums, here, partial.template as<double>() + (o * parts + p) * v.I + i);
      else
        for (std::int64_t k = 0; k < here; k++) put(a.y.as<Y>(), o * v.I + i + k, static_cast<float>(sums[k] * factor));
    }
  });
  if (parts == 1) return;
  for (std::int64_t i = 0; i < v.O * v.I; i++) {
    const double* from = partial.template as<double>() + i / v.I * parts * v.I + i % v.I;
    double sum = from[0];
    for (std::int64_t p = 1; p < parts; p++) sum = merge<F>(sum, from[p * v.I]);
    put(a.y.as<Y>(), i, static_cast<float>(sum * factor));
  }
}

void run_chunked(const Reduce& a, Context& ctx) {
  const ReduceView v = view_of(a);
  visit_f32_bf16(a.x.dtype, [&](auto x) {
    visit_f32_bf16(a.y.dtype, [&](auto y) {
      if (a.f == Reduction::max)
        reduce<Reduction::max, decltype(x), decltype(y)>(a, v, ctx);
      else
        reduce<Reduction::sum, decltype(x), decltype(y)>(a, v, ctx);
    });
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_chunked);

void reduce_chunked(const Reduce& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_chunked)(a, ctx); }

}  // namespace sumi
#endif
