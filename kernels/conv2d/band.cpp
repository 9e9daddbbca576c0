#include "kernels/conv2d/band.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/band.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {

constexpr std::int64_t kShort = 64;  // fewer channels than this are repeated, so that inner loops stay long

/// A per-channel operand repeated to at least kShort elements, or itself.
struct Pattern {
  float repeated[2 * kShort];
  const float* data = nullptr;
  std::int64_t length;

  Pattern(const TensorRef& t, std::int64_t offset, std::int64_t C, float absent) : length(C) {
    if (t) data = t.as<float>() + offset;
    if (C >= kShort) return;
    length = (kShort + C - 1) / C * C;
    for (std::int64_t i = 0; i < length; i++) repeated[i] = data ? data[i % C] : absent;
    data = repeated;
  }
};

inline float widen(float v) { return v; }
inline float widen(BFloat16 v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v.bits) << 16); }
template <class T>
inline T narrow(float v) {
  return T(v);
}

template <Map F, class T>
void map_row(const T* x, const Pattern& scale, const Pattern& shift, float a, std::int64_t n, T* y) {
  for (std::int64_t i = 0; i < n; i += scale.length) {
    const std::int64_t m = std::min(scale.length, n - i);
    const float *sc = scale.data, *sh = shift.data;
    const T* from = x + i;
    T* to = y + i;
#pragma omp simd
    for (std::int64_t k = 0; k < m; k++) to[k] = narrow<T>(map_value<F>(widen(from[k]) * sc[k] + sh[k], a));
  }
}

template <class T>
void stage(const BandSource& s, const Prologue& p, std::int64_t begin, std::int64_t rows, T* out) {
  const std::int64_t line = s.W * s.C, padded = line + (s.left + s.right) * s.C;
  const Pattern scale(p.scale, s.n * s.C, s.C, 1), shift(p.shift, s.n * s.C, s.C, 0);
  for (std::int64_t r = 0; r < rows; r++) {
    T* to = out + r * padded;
    const std::int64_t h = padded_index(begin + r, s.H, s.pad_mode);
    if (h < 0) {
      std::memset(static_cast<void*>(to), 0, static_cast<std::size_t>(padded) * sizeof(T));
      continue;
    }
    const T* from = static_cast<const T*>(s.image) + h * line;
    T* inner = to + s.left * s.C;
    if (p)
      visit_map(p.act, [&](auto f) {
        if constexpr (is_activation(decltype(f)::value))
          map_row<decltype(f)::value>(from, scale, shift, static_cast<float>(p.a), line, inner);
      });
    else
      std::memcpy(static_cast<void*>(inner), from, static_cast<std::size_t>(line) * sizeof(T));
    const auto fill = [&](std::int64_t w) {
      const std::int64_t at = padded_index(w, s.W, s.pad_mode);
      for (std::int64_t c = 0; c < s.C; c++) inner[w * s.C + c] = at < 0 ? T{} : inner[at * s.C + c];
    };
    for (std::int64_t w = -s.left; w < 0; w++) fill(w);
    for (std::int64_t w = s.W; w < s.W + s.right; w++) fill(w);
  }
}

/// tanh or sigmoid of 16 numbers at a time; NaN stays NaN. Highway's Exp wraps round from 104 on.
template <Map F>
void squash(float* v, std::int64_t n) {
  const hn::ScalableTag<float> d;
  const auto one = hn::Set(d, 1.f), highest = hn::Set(d, 88.f);
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + step <= n; i += step) {
    const auto x = hn::LoadU(d, v + i);
    const auto y =
        F == Map::tanh ? hn::Tanh(d, x) : hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(x), highest))));
    hn::StoreU(hn::IfThenElse(hn::Eq(x, x), y, x), d, v + i);
  }
  for (; i < n; i++) v[i] = map_value<F>(v[i], 0.f);
}

template <Map F, class T>
void finish_segment(const float* from, const float* bias, const T* residual, float a, std::int64_t n, T* to) {
  constexpr bool squashes = F == Map::tanh || F == Map::sigmoid;
  constexpr Map G = squashes ? Map::identity : F;
  float sums[2 * kShort];
  for (std::int64_t i = 0; i < n; i += 2 * kShort) {
    const std::int64_t m = std::min(2 * kShort, n - i);
    if (residual) {
#pragma omp simd
      for (std::int64_t k = 0; k < m; k++)
        sums[k] = map_value<G>(from[i + k] + (bias ? bias[i + k] : 0.f) + widen(residual[i + k]), a);
    } else {
#pragma omp simd
      for (std::int64_t k = 0; k < m; k++) sums[k] = map_value<G>(from[i + k] + (bias ? bias[i + k] : 0.f), a);
    }
    if constexpr (squashes) squash<F>(sums, m);
#pragma omp simd
    for (std::int64_t k = 0; k < m; k++) to[i + k] = narrow<T>(sums[k]);
  }
}

template <class T>
void finish(const Epilogue& e, const float* from, T* to, const T* residual, std::int64_t n, std::int64_t C) {
  const Pattern bias(e.bias, 0, C, 0);
  visit_map(e.act, [&](auto f) {
    if constexpr (is_activation(decltype(f)::value))
      for (std::int64_t i = 0; i < n; i += bias.length)
        finish_segment<decltype(f)::value>(from + i, bias.data, residual ? residual + i : nullptr,
                                           static_cast<float>(e.a), std::min(bias.length, n - i), to + i);
  });
}

template <class T>
void moments_of(const T* y, std::int64_t pixels, std::int64_t C, PartialMoments* moments) {
  constexpr std::int64_t kPixels = 1024;  // per f32 sum
  for (std::int64_t c = 0; c < C; c += kShort) {
    const std::int64_t m = std::min(kShort, C - c);
    for (std::int64_t k = 0; k < m; k++) moments[c + k] = {};
    for (std::int64_t begin = 0; begin < pixels; begin += kPixels) {
      const std::int64_t end = std::min(pixels, begin + kPixels);
      float shift[kShort], sum[kShort] = {}, squares[kShort] = {};
      for (std::int64_t k = 0; k < m; k++) shift[k] = widen(y[begin * C + c + k]);
      for (std::int64_t i = begin; i < end; i++) {
        const T* row = y + i * C + c;
#pragma omp simd
        for (std::int64_t k = 0; k < m; k++) {
          const float v = widen(row[k]) - shift[k];
          sum[k] += v;
          squares[k] += v * v;
        }
      }
      for (std::int64_t k = 0; k < m; k++)
        moments[c + k].merge(PartialMoments::shifted(static_cast<double>(end - begin), shift[k], sum[k], squares[k]));
    }
  }
}

template <class T>
void add_sums(const T* x, std::int64_t pixels, std::int64_t C, float* sums) {
  for (std::int64_t i = 0; i < pixels; i++) {
#pragma omp simd
    for (std::int64_t c = 0; c < C; c++) sums[c] += widen(x[i * C + c]);
  }
}

}  // namespace

void stage_f32(const BandSource& s, const Prologue& p, std::int64_t begin, std::int64_t rows, float* out) {
  stage(s, p, begin, rows, out);
}
void stage_bf16(const BandSource& s, const Prologue& p, std::int64_t begin, std::int64_t rows, BFloat16* out) {
  stage(s, p, begin, rows, out);
}
void finish_f32(const Epilogue& e, const float* from, float* to, const float* residual, std::int64_t n,
                std::int64_t C) {
  finish(e, from, to, residual, n, C);
}
void finish_bf16(const Epilogue& e, const float* from, BFloat16* to, const BFloat16* residual, std::int64_t n,
                 std::int64_t C) {
  finish(e, from, to, residual, n, C);
}
void moments_f32(const float* y, std::int64_t pixels, std::int64_t C, PartialMoments* m) {
  moments_of(y, pixels, C, m);
}
void moments_bf16(const BFloat16* y, std::int64_t pixels, std::int64_t C, PartialMoments* m) {
  moments_of(y, pixels, C, m);
}
void sums_f32(const float* x, std::int64_t pixels, std::int64_t C, float* sums) { add_sums(x, pixels, C, sums); }
void sums_bf16(const BFloat16* x, std::int64_t pixels, std::int64_t C, float* sums) { add_sums(x, pixels, C, sums); }

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(stage_f32);
HWY_EXPORT(stage_bf16);
HWY_EXPORT(finish_f32);
HWY_EXPORT(finish_bf16);
HWY_EXPORT(moments_f32);
HWY_EXPORT(moments_bf16);
HWY_EXPORT(sums_f32);
HWY_EXPORT(sums_bf16);

void stage_band(const BandSource& s, const Prologue& prologue, std::int64_t begin, std::int64_t rows, void* out) {
  if (s.dtype == DType::bf16)
    HWY_DYNAMIC_DISPATCH(stage_bf16)(s, prologue, begin, rows, static_cast<BFloat16*>(out));
  else
    HWY_DYNAMIC_DISPATCH(stage_f32)(s, prologue, begin, rows, static_cast<float*>(out));
}

void finish_band(const Epilogue& e, const float* from, const TensorRef& output, std::int64_t offset,
                 std::int64_t pixels, std::int64_t C) {
  const std::int64_t n = pixels * C;
  if (output.dtype == DType::bf16) {
    const BFloat16* residual = e.residual ? e.residual.as<BFloat16>() + offset : nullptr;
    HWY_DYNAMIC_DISPATCH(finish_bf16)(e, from, output.as<BFloat16>() + offset, residual, n, C);
  } else {
    const float* residual = e.residual ? e.residual.as<float>() + offset : nullptr;
    HWY_DYNAMIC_DISPATCH(finish_f32)(e, from, output.as<float>() + offset, residual, n, C);
  }
}

void band_moments(const TensorRef& output, std::int64_t offset, std::int64_t pixels, std::int64_t C,
                  PartialMoments* moments) {
  if (output.dtype == DType::bf16)
    HWY_DYNAMIC_DISPATCH(moments_bf16)(output.as<BFloat16>() + offset, pixels, C, moments);
  else
    HWY_DYNAMIC_DISPATCH(moments_f32)(output.as<float>() + offset, pixels, C, moments);
}

void add_band_sums(const TensorRef& x, std::int64_t offset, std::int64_t pixels, std::int64_t C, float* sums) {
  if (x.dtype == DType::bf16)
    HWY_DYNAMIC_DISPATCH(sums_bf16)(x.as<BFloat16>() + offset, pixels, C, sums);
  else
    HWY_DYNAMIC_DISPATCH(sums_f32)(x.as<float>() + offset, pixels, C, sums);
}

}  // namespace sumi
#endif
