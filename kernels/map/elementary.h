// exp, log, tanh and friends. In double they are the library's; in float they are branch-free polynomials that a loop
// vectorises, right for NaN, infinities and subnormals.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

// For every device; inlined into its caller, so that it is compiled for the caller's instruction set.
#if defined(__CUDACC__)
#define SUMI_HD __host__ __device__ inline
#else
#define SUMI_HD inline __attribute__((always_inline))
#endif

namespace sumi::elementary {

SUMI_HD double exp(double x) { return std::exp(x); }
SUMI_HD double log(double x) { return std::log(x); }
SUMI_HD double tanh(double x) { return std::tanh(x); }
/// exp(x) - 1 for x <= 0; 0 above.
SUMI_HD double expm1_below(double x) { return x > 0 ? 0 : std::expm1(x); }
/// log(1 + u) for u in [0, 1].
SUMI_HD double log1p_of_unit(double u) { return std::log1p(u); }

/// 2^n p, in two steps so that subnormal results and 2^128 are reached.
SUMI_HD float scale_by_power(float p, std::int32_t n) {
  const std::int32_t half = n >> 1;
  const float low = std::bit_cast<float>(static_cast<std::uint32_t>(half + 127) << 23);
  const float high = std::bit_cast<float>(static_cast<std::uint32_t>(n - half + 127) << 23);
  return p * low * high;
}

/// x = n ln 2 + r with |r| <= ln(2)/2, and exp(r) - 1 by Cephes' polynomial.
struct ExpParts {
  std::int32_t n;
  float tail;  // exp(r) - 1
};
SUMI_HD ExpParts exp_parts(float x) {
  constexpr float round = 12582912;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  const float shifted = x * 1.44269504088896341f + round;
  const float n = shifted - round;
  const float r = x - n * 0.693359375f - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return {static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) & 0x1ffu) -
              static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) & 0x100u) * 2,
          p * (r * r) + r};
}

/// Within 2 units in the last place.
SUMI_HD float exp(float x) {
  // Beyond these bounds the result is 0 or infinity; a NaN takes neither branch.
  const float bounded = x > 89.f ? 89.f : x < -104.f ? -104.f : x;
  const ExpParts parts = exp_parts(bounded);
  return scale_by_power(1 + parts.tail, parts.n);
}

SUMI_HD float expm1_below(float x) {
  const ExpParts parts = exp_parts(x > 0 ? 0.f : x < -18.f ? -18.f : x);
  const float power = std::bit_cast<float>(static_cast<std::uint32_t>(parts.n + 127) << 23);
  return parts.tail * power + (power - 1);
}

/// Within 2 units in the last place; -infinity at 0, NaN below.
SUMI_HD float log(float x) {
  const bool tiny = x < 0x1p-126f;
  const auto bits = std::bit_cast<std::uint32_t>(tiny ? x * 0x1p23f : x);
  const std::int32_t e = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;  // mantissa in [sqrt(1/2), sqrt(2))
  const float n = static_cast<float>(tiny ? e - 23 : e);
  const float f = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(e) << 23)) - 1;
  float p = 7.0376836292e-2f * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const float square = f * f;
  const float y = n * 0.693359375f + (f + (n * -2.12194440e-4f + (p * f * square - 0.5f * square)));
  constexpr float infinity = __builtin_huge_valf();
  return x > 0 ? (x < infinity ? y : x) : (x < 0 ? __builtin_nanf("") : (x == 0 ? -infinity : x));
}

SUMI_HD float log1p_of_unit(float u) {
  const float w = 1 + u;
  return log(w) + (u - (w - 1)) / w;
}

/// Within 2 units in the last place.
SUMI_HD float tanh(float x) {
  const float size = x < 0 ? -x : x, square = x * x;
  const float bounded = size > 10.f ? 10.f : size;  // tanh rounds to 1 from 9.02 on
  const float large = 1 - 2 / (exp(2 * bounded) + 1);
  float p = -5.70498872745e-3f * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  return size < 0.625f ? p * square * x + x : (x < 0 ? -large : large);
}

}  // namespace sumi::elementary
