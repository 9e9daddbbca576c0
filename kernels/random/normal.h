// Box & Muller's transform in single precision. Only fused multiply-adds, exact steps and the correctly rounded square
// root are used, so that every device and instruction set gives the same bits.
#pragma once
#include <bit>
#include <cmath>

#include "kernels/random/philox.h"

namespace sumi {

struct NormalPair {
  float first, second;
};

/// ln(u) for u in [2^-33, 1], within 1.5 units in the last place: u = 2^e m with m in [sqrt(1/2), sqrt(2)), and ln(m)
/// by the polynomial of Cephes' logf.
SUMI_HD float log_of_unit(float u) {
  const auto bits = std::bit_cast<std::uint32_t>(u);
  const std::int32_t e = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;
  const float exponent = static_cast<float>(e);
  const float f = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(e) << 23)) - 1;
  float p = 7.0376836292e-2f;
  p = std::fma(p, f, -1.1514610310e-1f);
  p = std::fma(p, f, 1.1676998740e-1f);
  p = std::fma(p, f, -1.2420140846e-1f);
  p = std::fma(p, f, 1.4249322787e-1f);
  p = std::fma(p, f, -1.6668057665e-1f);
  p = std::fma(p, f, 2.0000714765e-1f);
  p = std::fma(p, f, -2.4999993993e-1f);
  p = std::fma(p, f, 3.3333331174e-1f);
  const float f2 = f * f;
  const float tail = std::fma(exponent, -2.12194440e-4f, std::fma(-0.5f, f2, f2 * f * p));
  return std::fma(exponent, 0.693359375f, f + tail);
}

/// Two independent standard normals from two random words: radius from the first, angle from the second. The radius
/// reaches 6.7 (u is 2^-33 at least).
SUMI_HD NormalPair normal_pair(std::uint32_t a, std::uint32_t b) {
  const float u = std::fma(static_cast<float>(a), 0x1p-32f, 0x1p-33f);
  const float radius = std::sqrt(-2 * log_of_unit(u > 1 ? 1.f : u));
  const std::uint32_t quarter = (b + 0x20000000u) >> 30;  // the nearest multiple of a right angle
  const float t = static_cast<float>(static_cast<std::int32_t>(b - (quarter << 30))) * 0x1.921fb6p-30f;
  const float t2 = t * t;  // |t| <= pi/4
  float s = std::fma(-1.9515295891e-4f, t2, 8.3321608736e-3f);
  s = std::fma(std::fma(s, t2, -1.6666654611e-1f), t2 * t, t);
  float c = std::fma(2.443315711809948e-5f, t2, -1.388731625493765e-3f);
  c = std::fma(std::fma(c, t2, 4.166664568298827e-2f), t2 * t2, std::fma(-0.5f, t2, 1.f));
  const float x = quarter & 1u ? s : c, y = quarter & 1u ? c : s;
  const std::uint32_t sign_x = (quarter + 1u) & 2u, sign_y = quarter & 2u;
  return {sign_x ? -radius * x : radius * x, sign_y ? -radius * y : radius * y};
}

}  // namespace sumi
