#include "kernels/core/floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/core/floats.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/core/element.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

void add_array(const float* from, std::int64_t n, float* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) to[i] += from[i];
}

template <class T>
void store_rows(const float* sums, float factor, const float* bias, std::int64_t rows, std::int64_t N, T* y) {
  for (std::int64_t r = 0; r < rows; r++, sums += N, y += N) {
#pragma omp simd
    for (std::int64_t i = 0; i < N; i++) put(y, i, factor * sums[i] + (bias ? bias[i] : 0.f));
  }
}

void store_typed(const float* sums, float factor, const float* bias, std::int64_t rows, std::int64_t N,
                 const TensorRef& y, std::int64_t offset) {
  visit_f32_bf16(y.dtype, [&](auto t) { store_rows(sums, factor, bias, rows, N, y.as<decltype(t)>() + offset); });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(add_array);
HWY_EXPORT(store_typed);

void add_floats(const float* from, std::int64_t n, float* to) { HWY_DYNAMIC_DISPATCH(add_array)(from, n, to); }

void store_affine(const float* sums, float factor, const TensorRef& bias, std::int64_t rows, std::int64_t N,
                  const TensorRef& y, std::int64_t offset) {
  HWY_DYNAMIC_DISPATCH(store_typed)(sums, factor, bias.as<float>(), rows, N, y, offset);
}

}  // namespace sumi
#endif
