// Pictures to tensors and back, and between storage types: one pass in single precision.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cast/rows.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kGrain = 16384;

float get(const float* p, std::int64_t i) { return p[i]; }
float get(const BFloat16* p, std::int64_t i) { return p[i]; }
float get(const std::uint8_t* p, std::int64_t i) { return p[i]; }
/// Half's conversion with every case computed and one chosen, so that loops vectorise.
float get(const Half* p, std::int64_t i) {
  const std::uint32_t bits = p[i].bits, sign = (bits & 0x8000u) << 16, rest = bits & 0x7fffu;
  const float finite = std::bit_cast<float>(rest << 13) * 0x1p112f;
  const std::uint32_t special = 0x7f800000u | ((rest & 0x3ffu) << 13);
  return std::bit_cast<float>(sign | (rest >= 0x7c00u ? special : std::bit_cast<std::uint32_t>(finite)));
}

/// Adding 1.5 * 2^23 rounds to nearest even and leaves the integer in the low bits; a NaN fails the first comparison.
void put_in(std::uint8_t* p, std::int64_t i, float v) {
  const float above = v > 0.f ? v : 0.f, bounded = above > 255.f ? 255.f : above;
  p[i] = static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(bounded + 12582912.f));
}
void put_in(float* p, std::int64_t i, float v) { put(p, i, v); }
void put_in(BFloat16* p, std::int64_t i, float v) { put(p, i, v); }
void put_in(Half* p, std::int64_t i, float v) {
  const auto u = std::bit_cast<std::uint32_t>(v);
  const std::uint32_t sign = (u >> 16) & 0x8000u, rest = u & 0x7fffffffu;
  const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) + 0.5f) - 0x3f000000u;
  const std::uint32_t normal = (rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u)) >> 13;
  const std::uint32_t special = rest > 0x7f800000u ? 0x7e00u : 0x7c00u;
  const std::uint32_t finite = rest < 0x38800000u ? small : normal;
  p[i].bits = static_cast<std::uint16_t>(sign | (rest >= 0x477ff000u ? special : finite));
}

template <class X, class Y>
void convert(const X* x, Y* y, std::int64_t n, float scale, float shift) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) put_in(y, i, get(x, i) * scale + shift);
}

/// f(T{}) for the four types this row knows.
template <class F>
void visit_narrow(DType t, F&& f) {
  if (t == DType::u8) return f(std::uint8_t{});
  if (t == DType::f16) return f(Half{});
  visit_f32_bf16(t, f);
}

void run_vectorized(const Cast& a, Context& ctx) {
  const auto scale = static_cast<float>(a.scale), shift = static_cast<float>(a.offset());
  visit_narrow(a.x.dtype, [&](auto x) {
    visit_narrow(a.y.dtype, [&](auto y) {
      parallel_for(ctx, a.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
        convert(a.x.as<decltype(x)>() + begin, a.y.as<decltype(y)>() + begin, end - begin, scale, shift);
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

void cast_vectorized(const Cast& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_vectorized)(a, ctx); }

}  // namespace sumi
#endif
