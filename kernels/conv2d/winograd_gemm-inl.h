// The micro-kernel of the 36 products: rows (tiles) x columns (output channels), summed over the input channels.
#if defined(SUMI_WINOGRAD_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SUMI_WINOGRAD_GEMM_INL_H_
#undef SUMI_WINOGRAD_GEMM_INL_H_
#else
#define SUMI_WINOGRAD_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <utility>

#include "kernels/conv2d/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::winograd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, static_cast<std::size_t>(kGroup)>;
using Vec = hn::Vec<Lanes>;
constexpr std::int64_t kLanes = hn::MaxLanes(Lanes());
/// 14 x 2 accumulators, 2 columns and 1 broadcast fill AVX-512's 32 registers; 6 x 2 and 3 fill AVX2's 16.
constexpr int kRows = kLanes == kGroup ? 14 : 6;
constexpr std::int64_t kBesides = kLanes == kGroup ? kPoints * kGroup : kLanes;  // from a product vector to the next

/// products[r][v] = sum over c of inputs[r][c] * weights[c][v], for kM rows and kN vectors. `ahead`: what to prefetch.
template <int kM, int kN>
void multiply(const float* inputs, const float* weights, std::int64_t groups, float* products,
              std::int64_t products_row, const float* ahead) {
  const Lanes d;
  Vec sum[kM][kN];
#pragma GCC unroll 16
  for (int r = 0; r < kM; r++)
#pragma GCC unroll 2
    for (int v = 0; v < kN; v++) sum[r][v] = hn::Zero(d);
  for (std::int64_t g = 0; g < groups; g++, inputs += kM * kSlot) {
#pragma GCC unroll 4
    for (int c = 0; c < kGroup; c++, weights += kPanel, ahead += kGroup) {
      __builtin_prefetch(ahead, 0, 2);
      Vec w[kN];
#pragma GCC unroll 2
      for (int v = 0; v < kN; v++) w[v] = hn::Load(d, weights + v * kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < kM; r++) {
        const Vec x = hn::Set(d, inputs[r * kSlot + c]);
#pragma GCC unroll 2
        for (int v = 0; v < kN; v++) sum[r][v] = hn::MulAdd(x, w[v], sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kM; r++)
#pragma GCC unroll 2
    for (int v = 0; v < kN; v++) hn::Store(sum[r][v], d, products + r * products_row + v * kBesides);
}

using Multiply = void (*)(const float*, const float*, std::int64_t, float*, std::int64_t, const float*);
template <int kN, int... kI>
constexpr std::array<Multiply, sizeof...(kI)> multiply_by_rows(std::integer_sequence<int, kI...>) {
  return {multiply<kI + 1, kN>...};
}
/// [rows - 1], for two vectors of columns and for one (the last 16 channels, where a vector holds 16).
constexpr auto kMultiplyTwo = multiply_by_rows<2>(std::make_integer_sequence<int, kRows>{});
constexpr auto kMultiplyOne = multiply_by_rows<1>(std::make_integer_sequence<int, kRows>{});

}  // namespace sumi::winograd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
