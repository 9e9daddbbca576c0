// The filters in Winograd's domain.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/winograd_pack.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/conv2d/winograd.h"
#include "kernels/core/parallel.h"

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace sumi::winograd::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Doubles = hn::CappedTag<double, 8>;
using Vec = hn::Vec<Doubles>;

/// G g, 3 -> 6. The row of point p is [1 p p^2] / prod over q != p of (p - q), so +-p share their even and odd parts;
/// that of infinity is [0 0 1].
HWY_INLINE void transform_filter(const Vec g[3], Vec o[6]) {
  const Doubles d;
  constexpr double a2 = kA * kA, b2 = kB * kB, a = 1 / (2 * a2 * (a2 - b2)), b = 1 / (2 * b2 * (b2 - a2));
  const Vec even_a = hn::MulAdd(hn::Set(d, a2 * a), g[2], hn::Mul(hn::Set(d, a), g[0]));
  const Vec even_b = hn::MulAdd(hn::Set(d, b2 * b), g[2], hn::Mul(hn::Set(d, b), g[0]));
  const Vec odd_a = hn::Mul(hn::Set(d, kA * a), g[1]), odd_b = hn::Mul(hn::Set(d, kB * b), g[1]);
  o[0] = hn::Mul(hn::Set(d, 1 / (a2 * b2)), g[0]);
  o[1] = hn::Add(even_a, odd_a), o[2] = hn::Sub(even_a, odd_a);
  o[3] = hn::Add(even_b, odd_b), o[4] = hn::Sub(even_b, odd_b);
  o[5] = g[2];
}

using Taps = float[9][kGroup][kPanel];

/// taps[c][k] = w[k0+k,r,s,c0+c], or, transposed, the flipped w[c0+c,R-1-r,S-1-s,k0+k].
template <class T>
void gather_tap(const Filter& f, std::int64_t r, std::int64_t s, std::int64_t c0, std::int64_t k0,
                float (&taps)[kGroup][kPanel]) {
  const std::int64_t channels = std::min(kGroup, f.C - c0), filters = std::min(kPanel, f.K - k0);
  const std::int64_t all = f.parts.R * f.parts.S, at = r * f.parts.S + s;
  const T* w = f.w.as<T>();
  if (f.transposed)
    for (std::int64_t c = 0; c < channels; c++) {
      const T* row = w + ((c0 + c) * all + all - 1 - at) * f.K + k0;
      for (std::int64_t k = 0; k < filters; k++) taps[c][k] = static_cast<float>(row[k]);
    }
  else
    for (std::int64_t k = 0; k < filters; k++) {
      const T* row = w + ((k0 + k) * all + at) * f.C + c0;
      for (std::int64_t c = 0; c < channels; c++) taps[c][k] = static_cast<float>(row[c]);
    }
}

/// taps[r*3+s][c][k] of one part, zeros beyond C, K, R and S.
template <class T>
void gather(const Filter& f, std::int64_t part, std::int64_t c0, std::int64_t k0, Taps& taps) {
  const auto [i, j] = f.parts.place(part);
  const std::int64_t rows = std::min<std::int64_t>(3, f.parts.R - 3 * i),
                     columns = std::min<std::int64_t>(3, f.parts.S - 3 * j);
  if (rows * columns < 9 || f.C - c0 < kGroup || f.K - k0 < kPanel)
    std::fill_n(&taps[0][0][0], 9 * kGroup * kPanel, 0.f);
  for (std::int64_t r = 0; r < rows; r++)
    for (std::int64_t s = 0; s < columns; s++) gather_tap<T>(f, 3 * i + r, 3 * j + s, c0, k0, taps[r * 3 + s]);
}

/// The 36 rows of 32 that channel c contributes, `step` floats apart.
inline void transform(const Taps& taps, std::int64_t c, float* packed, std::int64_t step) {
  const Doubles d;
  const hn::Rebind<float, Doubles> f;
  // The 36 rows are a power of two apart and share cache sets: they are put together here and leave as whole lines,
  // past the caches (twice the speed).
  alignas(64) float rows[kPoints][kPanel];
  for (std::int64_t k = 0; k < kPanel; k += static_cast<std::int64_t>(hn::MaxLanes(d))) {
    Vec half[6][3];
#pragma GCC unroll 3
    for (int s = 0; s < 3; s++) {
      Vec g[3], o[6];
#pragma GCC unroll 3
      for (int r = 0; r < 3; r++) g[r] = hn::PromoteTo(d, hn::Load(f, &taps[r * 3 + s][c][k]));
      transform_filter(g, o);
#pragma GCC unroll 6
      for (int i = 0; i < 6; i++) half[i][s] = o[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
      Vec o[6];
      transform_filter(half[i], o);
#pragma GCC unroll 6
      for (int j = 0; j < 6; j++) hn::Store(hn::DemoteTo(f, o[j]), f, &rows[i * 6 + j][k]);
    }
  }
  const hn::CappedTag<float, 16> line;
  for (std::int64_t point = 0; point < kPoints; point++)
    for (std::int64_t k = 0; k < kPanel; k += static_cast<std::int64_t>(hn::MaxLanes(line)))
      hn::Stream(hn::Load(line, &rows[point][k]), line, packed + point * step + k);
}

template <class T>
void pack_as(const Filter& f, float* packed, Context& ctx) {
  const std::int64_t groups = round_up(f.C, kGroup) / kGroup, all = f.parts.count() * groups, channels = all * kGroup;
  parallel_for(ctx, round_up(f.K, kPanel) / kPanel * all, 1, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) Taps taps;
    for (std::int64_t u = begin; u < end; u++) {
      const std::int64_t panel = u / all, group = u % all;
      gather<T>(f, group / groups, group % groups * kGroup, panel * kPanel, taps);
      for (std::int64_t c = 0; c < kGroup; c++)
        transform(taps, c, packed + (panel * kPoints * channels + group * kGroup + c) * kPanel, channels * kPanel);
    }
    hwy::FlushStream();
  });
}

void pack_for_target(const Filter& f, float* packed, Context& ctx) {
  visit_f32_bf16(f.w.dtype, [&](auto type) { pack_as<decltype(type)>(f, packed, ctx); });
}

}  // namespace sumi::winograd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi::winograd {
HWY_EXPORT(pack_for_target);
void pack(const Filter& f, float* packed, Context& ctx) { HWY_DYNAMIC_DISPATCH(pack_for_target)(f, packed, ctx); }
}  // namespace sumi::winograd
#endif
