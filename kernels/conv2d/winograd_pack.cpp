// The filters in Winograd's domain.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/winograd_pack.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <array>

#include "kernels/conv2d/winograd.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::winograd::HWY_NAMESPACE {

/// Row i of G: [1 p p^2] / prod over j != i of (p_i - p_j); for infinity [0 0 1].
constexpr std::array<std::array<double, 3>, kPatch> filter_transform() {
  constexpr double p[] = {0, kA, -kA, kB, -kB};
  std::array<std::array<double, 3>, kPatch> g{};
  for (std::size_t i = 0; i < 5; i++) {
    double product = 1;
    for (std::size_t j = 0; j < 5; j++) product *= j == i ? 1 : p[i] - p[j];
    g[i] = {1 / product, p[i] / product, p[i] * p[i] / product};
  }
  g[5] = {0, 0, 1};
  return g;
}

using Taps = float[9][kGroup][kPanel];

/// taps[r*3+s][c][k], zeros beyond C and K.
template <class T>
void gather(const Filter& f, std::int64_t c0, std::int64_t k0, Taps& taps) {
  const T* w = f.w.as<T>();
  const std::int64_t channels = std::min(kGroup, f.C - c0), filters = std::min(kPanel, f.K - k0);
  if (channels < kGroup || filters < kPanel) std::fill_n(&taps[0][0][0], 9 * kGroup * kPanel, 0.f);
  for (std::int64_t tap = 0; tap < 9; tap++)
    if (f.transposed)
      for (std::int64_t c = 0; c < channels; c++) {
        const T* row = w + ((c0 + c) * 9 + 8 - tap) * f.K + k0;
        for (std::int64_t k = 0; k < filters; k++) taps[tap][c][k] = static_cast<float>(row[k]);
      }
    else
      for (std::int64_t k = 0; k < filters; k++) {
        const T* row = w + ((k0 + k) * 9 + tap) * f.C + c0;
        for (std::int64_t c = 0; c < channels; c++) taps[tap][c][k] = static_cast<float>(row[c]);
      }
}

/// The 36 rows of 32 that channel c contributes, `step` floats apart.
inline void transform(const Taps& taps, std::int64_t c, float* packed, std::int64_t step) {
  constexpr auto g = filter_transform();
  double half[kPatch][3][kPanel];
  for (std::size_t i = 0; i < kPatch; i++)
    for (std::size_t s = 0; s < 3; s++)
      for (std::int64_t k = 0; k < kPanel; k++)
        half[i][s][k] = g[i][0] * taps[s][c][k] + g[i][1] * taps[3 + s][c][k] + g[i][2] * taps[6 + s][c][k];
  for (std::size_t i = 0; i < kPatch; i++)
    for (std::size_t j = 0; j < kPatch; j++, packed += step)
      for (std::int64_t k = 0; k < kPanel; k++)
        packed[k] = static_cast<float>(g[j][0] * half[i][0][k] + g[j][1] * half[i][1][k] + g[j][2] * half[i][2][k]);
}

template <class T>
void pack_as(const Filter& f, float* packed, Context& ctx) {
  const std::int64_t channels = round_up(f.C, kGroup), groups = channels / kGroup;
  parallel_for(ctx, round_up(f.K, kPanel) / kPanel * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) Taps taps;
    for (std::int64_t u = begin; u < end; u++) {
      const std::int64_t panel = u / groups, c0 = u % groups * kGroup;
      gather<T>(f, c0, panel * kPanel, taps);
      for (std::int64_t c = 0; c < kGroup; c++)
        transform(taps, c, packed + (panel * kPoints * channels + c0 + c) * kPanel, channels * kPanel);
    }
  });
}

void pack_for_target(const Filter& f, float* packed, Context& ctx) {
  f.w.dtype == DType::bf16 ? pack_as<BFloat16>(f, packed, ctx) : pack_as<float>(f, packed, ctx);
}

}  // namespace sumi::winograd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi::winograd {
HWY_EXPORT(pack_for_target);
void pack(const Filter& f, float* packed, Context& ctx) { HWY_DYNAMIC_DISPATCH(pack_for_target)(f, packed, ctx); }
}  // namespace sumi::winograd
#endif
