// Winograd's transforms in one dimension, for GPUs; two dimensions apply them to rows and to columns. Derivation and
// errors: docs/kernels/winograd.md.
#pragma once
#include "kernels/conv2d/winograd.h"
#include "kernels/device/device.h"

namespace sumi::cuda {

/// F(4x4,3x3): 36 multiplications for 16 outputs, a quarter of the plain sum's. For f32.
struct Winograd4 {
  static constexpr int tile = 4, patch = 6, points = 36;
  static constexpr float to_domain = 1, from_domain = 1;

  /// B^T d.
  __device__ static __forceinline__ void input(const float (&d)[6], float (&o)[6]) {
    constexpr auto a = static_cast<float>(winograd::kA), b = static_cast<float>(winograd::kB), a2 = a * a, b2 = b * b;
    const float u = fmaf(-b2, d[2], d[4]), v = fmaf(-b2, d[1], d[3]);
    const float m = fmaf(-a2, d[2], d[4]), n = fmaf(-a2, d[1], d[3]);
    o[0] = fmaf(a2 * b2, d[0], fmaf(-(a2 + b2), d[2], d[4]));
    o[1] = fmaf(a, v, u), o[2] = fmaf(-a, v, u);
    o[3] = fmaf(b, n, m), o[4] = fmaf(-b, n, m);
    o[5] = fmaf(a2 * b2, d[1], fmaf(-(a2 + b2), d[3], d[5]));
  }
  /// G g.
  __device__ static __forceinline__ void filter(const double (&g)[3], double (&o)[6]) {
    constexpr double a2 = winograd::kA * winograd::kA, b2 = winograd::kB * winograd::kB;
    constexpr double a = 1 / (2 * a2 * (a2 - b2)), b = 1 / (2 * b2 * (b2 - a2));
    const double even_a = a * g[0] + a2 * a * g[2], odd_a = winograd::kA * a * g[1];
    const double even_b = b * g[0] + b2 * b * g[2], odd_b = winograd::kB * b * g[1];
    o[0] = 1 / (a2 * b2) * g[0];
    o[1] = even_a + odd_a, o[2] = even_a - odd_a;
    o[3] = even_b + odd_b, o[4] = even_b - odd_b;
    o[5] = g[2];
  }
  /// A^T m.
  __device__ static __forceinline__ void output(const float (&m)[6], float (&o)[4]) {
    constexpr auto a = static_cast<float>(winograd::kA), b = static_cast<float>(winograd::kB), a2 = a * a, b2 = b * b;
    const float even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    o[0] = m[0] + even_a + even_b;
    o[1] = fmaf(a, odd_a, b * odd_b);
    o[2] = fmaf(a2, even_a, b2 * even_b);
    o[3] = fmaf(a2 * a, odd_a, fmaf(b2 * b, odd_b, m[5]));
  }
};

/// F(2x2,3x3): 16 multiplications for 4 outputs, 1/2.25 of the plain sum's. Only sums, differences and halves: what 16
/// bits can carry. B^T d B adds four numbers: a quarter of it is never larger than they are.
struct Winograd2 {
  static constexpr int tile = 2, patch = 4, points = 16;
  static constexpr float to_domain = 0.25f, from_domain = 4;

  __device__ static __forceinline__ void input(const float (&d)[4], float (&o)[4]) {
    o[0] = d[0] - d[2], o[1] = d[1] + d[2], o[2] = d[2] - d[1], o[3] = d[1] - d[3];
  }
  __device__ static __forceinline__ void filter(const double (&g)[3], double (&o)[4]) {
    const double even = 0.5 * (g[0] + g[2]), odd = 0.5 * g[1];
    o[0] = g[0], o[1] = even + odd, o[2] = even - odd, o[3] = g[2];
  }
  __device__ static __forceinline__ void output(const float (&m)[4], float (&o)[2]) {
    o[0] = m[0] + m[1] + m[2], o[1] = m[1] - m[2] - m[3];
  }
};

}  // namespace sumi::cuda
