// All parameters in one pass, cut in parts that threads share.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/fused.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/optimizer/element.h"
#include "kernels/optimizer/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kPart = 16384;

template <bool kDecoupled>
void adam(const UpdateFactors& f, float* w, const float* g, float* m, float* v, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) adam_element<kDecoupled>(f, w[i], g[i], m[i], v[i]);
}

template <bool kFirst, bool kNesterov>
void momentum(const UpdateFactors& f, float* w, const float* g, float* m, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) momentum_element<kFirst, kNesterov>(f, w[i], g[i], m[i]);
}

void descend(const UpdateFactors& f, float* w, const float* g, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) descend_element(f, w[i], g[i]);
}

void update(const OptimizerStep& o, const UpdateFactors& f, const ParameterSlot& s, std::int64_t at, std::int64_t n) {
  float *w = s.w.as<float>() + at, *m = s.m ? s.m.as<float>() + at : nullptr;
  const float* g = s.g.as<float>() + at;
  if (o.update == Update::adam)
    adam<false>(f, w, g, m, s.v.as<float>() + at, n);
  else if (o.update == Update::adamw)
    adam<true>(f, w, g, m, s.v.as<float>() + at, n);
  else if (o.momentum == 0)
    descend(f, w, g, n);
  else if (o.fills_momentum())
    o.nesterov ? momentum<true, true>(f, w, g, m, n) : momentum<true, false>(f, w, g, m, n);
  else
    o.nesterov ? momentum<false, true>(f, w, g, m, n) : momentum<false, false>(f, w, g, m, n);
}

void average(const UpdateFactors& f, float* ema, const float* w, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) average_element(f, ema[i], w[i]);
}

template <class T>
void copy(const float* w, T* to, std::int64_t n) {
  if constexpr (std::is_same_v<T, Half>) {
    for (std::int64_t i = 0; i < n; i++) to[i] = Half(w[i]);
  } else if constexpr (!std::is_same_v<T, double>) {
#pragma omp simd
    for (std::int64_t i = 0; i < n; i++) put(to, i, w[i]);
  }
}

void run_vectorized(const OptimizerStep& o, Context& ctx) {
  UpdateFactors f(o);
  if (o.schedule) f.take(o.schedule.as<float>());
  std::vector<std::int64_t> first{0};  // the first part of each slot
  for (const ParameterSlot& s : o.slots) first.push_back(first.back() + (s.n + kPart - 1) / kPart);
  parallel_for(ctx, first.back(), 1, [&](std::int64_t begin, std::int64_t end) {
    auto slot = static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), begin) - first.begin() - 1);
    for (std::int64_t p = begin; p < end; p++) {
      while (p >= first[slot + 1]) slot++;
      const ParameterSlot& s = o.slots[slot];
      const std::int64_t at = (p - first[slot]) * kPart, n = std::min(kPart, s.n - at);
      update(o, f, s, at, n);
      if (s.ema) average(f, s.ema.as<float>() + at, s.w.as<float>() + at, n);
      if (s.copy)
        visit_float(s.copy.dtype, [&](auto t) { copy(s.w.as<float>() + at, s.copy.as<decltype(t)>() + at, n); });
    }
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_vectorized);

void optimizer_step_fused(const OptimizerStep& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_vectorized)(a, ctx); }

}  // namespace sumi
#endif
