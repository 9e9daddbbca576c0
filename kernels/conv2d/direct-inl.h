// Per-target parts of the direct rows: padded rows at load, the register tile, the epilogue at store. Included once per
// instruction set (Highway's toggle instead of #pragma once).
#if defined(SUMI_CONV2D_DIRECT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SUMI_CONV2D_DIRECT_INL_H
#undef SUMI_CONV2D_DIRECT_INL_H
#else
#define SUMI_CONV2D_DIRECT_INL_H
#endif

#include <array>
#include <cstring>
#include <utility>

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using HalfFloats = hn::Half<Floats>;

constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(Floats{}));
constexpr std::int64_t kPanel = 2 * kLanes;  // output channels of a register tile
/// Pixels of a register tile: 14 x 2 accumulators of 32 registers, 6 x 2 of 16.
constexpr int kPixels = kLanes == 16 ? 14 : 6;

// ---------------------------------------------------------------- load

/// dst[i] = act(src[i] * scale[i] + shift[i]), or a plain conversion without scale.
template <class T>
void load_pixel(const T* src, const float* scale, const float* shift, const Prologue& p, float* dst, std::int64_t n) {
  if (!scale) {
    for (std::int64_t i = 0; i < n; i++) dst[i] = static_cast<float>(src[i]);
    return;
  }
  const float a = static_cast<float>(p.a);
  const auto map = [&](auto f) {
    for (std::int64_t i = 0; i < n; i++)
      dst[i] = map_value<decltype(f)::value>(static_cast<float>(src[i]) * scale[i] + shift[i], a);
  };
  switch (p.act) {
    case Map::identity:
      return map(std::integral_constant<Map, Map::identity>{});
    case Map::relu:
      return map(std::integral_constant<Map, Map::relu>{});
    case Map::leaky_relu:
      return map(std::integral_constant<Map, Map::leaky_relu>{});
    case Map::tanh:
      return map(std::integral_constant<Map, Map::tanh>{});
    default:
      return map(std::integral_constant<Map, Map::sigmoid>{});
  }
}

/// The padded rows of one image that a thread works on: a ring of copies, mapped and converted, or x's own rows.
template <class T>
class PaddedRows {
 public:
  PaddedRows(const TapConv& t, const RowLayout& layout, Context& ctx)
      : t_(t),
        layout_(layout),
        ring_(ctx.scratch(sizeof(float) * static_cast<std::size_t>(layout.copied ? layout.slots * layout.length + 64
                                                                                 : layout.length))) {
    if (!layout.copied) std::memset(ring_.as<float>(), 0, sizeof(float) * static_cast<std::size_t>(layout.length));
  }

  /// Makes padded rows [first, last] of image n readable.
  void hold(std::int64_t n, std::int64_t first, std::int64_t last) {
    if (n != image_ || first < first_ || first > end_) end_ = first;
    image_ = n, first_ = first;
    if (!layout_.copied) return;
    for (; end_ <= last; end_++) fill(end_, ring_.as<float>() + end_ % layout_.slots * layout_.length);
  }

  const float* row(std::int64_t padded) const {
    if (layout_.copied) return ring_.as<float>() + padded % layout_.slots * layout_.length;
    const std::int64_t h = padded_index(padded - t_.h.before, t_.h.in, t_.mode);
    if (h < 0) return ring_.as<float>();
    return t_.x.as<float>() + ((image_ * t_.h.in + h) * t_.w.in - t_.w.before) * t_.C;
  }

 private:
  void fill(std::int64_t padded, float* dst) const {
    const std::int64_t h = padded_index(padded - t_.h.before, t_.h.in, t_.mode);
    if (h < 0) {
      std::memset(dst, 0, sizeof(float) * static_cast<std::size_t>(layout_.length));
      return;
    }
    const T* src = t_.x.as<T>() + (image_ * t_.h.in + h) * t_.w.in * t_.C;
    const std::int64_t end = std::min(t_.w.extent, t_.w.before + t_.w.in);
    if (t_.prologue || layout_.pitch != t_.C) {
      for (std::int64_t i = t_.w.before; i < end; i++) pixel(src, i - t_.w.before, dst + i * layout_.pitch);
    } else if (end > t_.w.before) {
      load_pixel(src, nullptr, nullptr, {}, dst + t_.w.before * t_.C, (end - t_.w.before) * t_.C);
    }
    for (std::int64_t i = 0; i < std::min(t_.w.before, t_.w.extent); i++) edge(src, i, dst);
    for (std::int64_t i = std::max(end, t_.w.before); i < t_.w.extent; i++) edge(src, i, dst);
  }

  void pixel(const T* src, std::int64_t w, float* dst) const {
    const float* scale = t_.prologue ? t_.prologue.scale.as<float>() + image_ * t_.C : nullptr;
    const float* shift = t_.prologue ? t_.prologue.shift.as<float>() + image_ * t_.C : nullptr;
    load_pixel(src + w * t_.C, scale, shift, t_.prologue, dst, t_.C);
  }

  void edge(const T* src, std::int64_t padded, float* row) const {
    const std::int64_t w = padded_index(padded - t_.w.before, t_.w.in, t_.mode);
    if (w < 0)
      std::memset(row + padded * layout_.pitch, 0, sizeof(float) * static_cast<std::size_t>(t_.C));
    else
      pixel(src, w, row + padded * layout_.pitch);
  }

  const TapConv& t_;
  RowLayout layout_;
  Scratch ring_;
  std::int64_t image_ = -1, first_ = 0, end_ = 0;
};

// ---------------------------------------------------------------- register tile

/// What a tile multiplies: element (m, i) of its left factor is rows[r][offset + segment.offset + m * step + i], its
/// right factor the panel [rows][segments][length][kPanel].
struct TileArgs {
  const float* const* rows;
  std::int64_t row_count;
  const Segment* segments;
  std::int64_t segment_count;
  std::ptrdiff_t offset, step;
  const float* panel;
};

struct None {};

/// out[m][kPanel] = (or, with kTransposed, +=) left x right, M rows by kLanes plus D1's lanes columns. With kTransposed
/// element (m, i) is rows[r][.. + m + i * step]: the left factor of a weight gradient.
template <int M, class D1, bool kTransposed>
HWY_NOINLINE void tile(const TileArgs& t, float* HWY_RESTRICT out) {
  constexpr bool kTwo = !std::is_same_v<D1, None>;
  using Second = std::conditional_t<kTwo, D1, Floats>;
  const Floats d0;
  const Second d1;
  hn::Vec<Floats> a0[M];
  hn::Vec<Second> a1[M];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++) {
    a0[m] = kTransposed ? hn::LoadU(d0, out + m * kPanel) : hn::Zero(d0);
    if constexpr (kTwo) a1[m] = kTransposed ? hn::LoadU(d1, out + m * kPanel + kLanes) : hn::Zero(d1);
  }
  const float* HWY_RESTRICT b = t.panel;
  for (std::int64_t r = 0; r < t.row_count; r++)
    for (std::int64_t j = 0; j < t.segment_count; j++) {
      const float* a = t.rows[r] + t.offset + t.segments[j].offset;
      const std::ptrdiff_t across = kTransposed ? 1 : t.step, along = kTransposed ? t.step : 1;
      for (std::int64_t i = t.segments[j].length; i > 0; i--, b += kPanel, a += along) {
        // Keeps g++ from carrying overlapping values of `a` over iterations, which spills.
        asm("" : "+r"(a));
        const auto b0 = hn::LoadU(d0, b);
        [[maybe_unused]] const auto b1 = hn::LoadU(d1, b + kLanes);
#pragma GCC unroll 16
        for (int m = 0; m < M; m++) {
          a0[m] = hn::MulAdd(hn::Set(d0, a[m * across]), b0, a0[m]);
          if constexpr (kTwo) a1[m] = hn::MulAdd(hn::Set(d1, a[m * across]), b1, a1[m]);
        }
      }
    }
#pragma GCC unroll 16
  for (int m = 0; m < M; m++) {
    hn::StoreU(a0[m], d0, out + m * kPanel);
    if constexpr (kTwo) hn::StoreU(a1[m], d1, out + m * kPanel + kLanes);
  }
}

using TileFunction = void (*)(const TileArgs&, float*);
template <class D1, bool kTransposed, int... I>
constexpr std::array<TileFunction, sizeof...(I) + 1> tile_table(std::integer_sequence<int, I...>) {
  return {nullptr, tile<I + 1, D1, kTransposed>...};
}

/// The tiles of 0..kPixels rows for `columns` used columns of the panel.
template <bool kTransposed>
const std::array<TileFunction, kPixels + 1>& tiles_for(std::int64_t columns) {
  constexpr std::make_integer_sequence<int, kPixels> rows;
  static constexpr auto one = tile_table<None, kTransposed>(rows), half = tile_table<HalfFloats, kTransposed>(rows),
                        two = tile_table<Floats, kTransposed>(rows);
  return columns <= kLanes ? one : columns <= kLanes * 3 / 2 ? half : two;
}

// ---------------------------------------------------------------- store

template <Map F, class V>
HWY_INLINE V activate(V v, [[maybe_unused]] V a) {
  const Floats d;
  if constexpr (F == Map::relu) {
    return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);
  } else if constexpr (F == Map::leaky_relu) {
    return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Mul(a, v), v);
  } else if constexpr (F == Map::tanh) {
    return hn::IfThenElse(hn::IsNaN(v), v, hn::CallTanh(d, v));
  } else if constexpr (F == Map::sigmoid) {
    const V one = hn::Set(d, 1.f), e = hn::CallExp(d, hn::Min(hn::Neg(v), hn::Set(d, 88.f)));
    return hn::IfThenElse(hn::IsNaN(v), v, hn::Div(one, hn::Add(one, e)));
  } else {
    return v;
  }
}

/// The nearest bf16 values (ties to even), as floats.
template <class V>
HWY_INLINE V round_bf16(V v) {
  const hn::RebindToUnsigned<Floats> du;
  const Floats d;
  const auto u = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(du, 1));
  const auto rounded = hn::And(hn::Add(hn::Add(u, hn::Set(du, 0x7fff)), odd), hn::Set(du, 0xffff0000u));
  return hn::IfThenElse(hn::IsNaN(v), hn::BitCast(d, hn::Or(u, hn::Set(du, 0x400000u))), hn::BitCast(d, rounded));
}

template <class T>
HWY_INLINE hn::Vec<Floats> load_some(const T* p, std::int64_t n) {
  const Floats d;
  if constexpr (sizeof(T) == 4)
    if (n >= kLanes) return hn::LoadU(d, p);
  HWY_ALIGN float buffer[kLanes] = {};
  for (std::int64_t i = 0; i < std::min(n, kLanes); i++) buffer[i] = static_cast<float>(p[i]);
  return hn::Load(d, buffer);
}

template <class T>
HWY_INLINE void store_some(hn::Vec<Floats> v, T* p, std::int64_t n, bool stream) {
  const Floats d;
  if constexpr (sizeof(T) == 4) {
    if (stream) return hn::Stream(v, d, p);
    if (n >= kLanes) return hn::StoreU(v, d, p);
  }
  HWY_ALIGN float buffer[kLanes];
  hn::Store(v, d, buffer);
  for (std::int64_t i = 0; i < std::min(n, kLanes); i++) p[i] = static_cast<T>(buffer[i]);
}

/// Where a tile goes and what happens to it on the way.
struct Finish {
  const float* bias;     // kPanel values, zeros where there is none
  const void* residual;  // at the first pixel and channel, as y
  void* y;
  std::ptrdiff_t pitch;   // elements between pixels of y
  std::int64_t channels;  // of the panel that exist
  Map act;
  float a;
  bool stream;  // y is 64-byte aligned, whole vectors, too large for the caches
  PartialSums sums;
  bool first;  // the first tile of its part: chooses the shift
};

template <class T, Map F>
void finish_vector(const float* tile, std::int64_t pixels, const Finish& f, std::int64_t at) {
  const Floats d;
  const auto bias = hn::LoadU(d, f.bias + at), a = hn::Set(d, f.a);
  const std::int64_t n = f.channels - at;
  const T* residual = static_cast<const T*>(f.residual);
  T* y = static_cast<T*>(f.y) + at;
  const bool counted = f.sums.sum != nullptr;
  auto shift = hn::Zero(d), sum = shift, squares = shift;
  if (counted && !f.first) {
    shift = hn::LoadU(d, f.sums.shift + at), sum = hn::LoadU(d, f.sums.sum + at);
    squares = hn::LoadU(d, f.sums.squares + at);
  }
  for (std::int64_t m = 0; m < pixels; m++) {
    auto v = hn::Add(hn::LoadU(d, tile + m * kPanel + at), bias);
    if (residual) v = hn::Add(v, load_some(residual + m * f.pitch + at, n));
    v = activate<F>(v, a);
    if constexpr (sizeof(T) == 2) v = round_bf16(v);
    store_some(v, y + m * f.pitch, n, f.stream);
    if (!counted) continue;
    if (f.first && m == 0) shift = v;
    const auto deviation = hn::Sub(v, shift);
    sum = hn::Add(sum, deviation);
    squares = hn::MulAdd(deviation, deviation, squares);
  }
  if (!counted) return;
  hn::StoreU(shift, d, f.sums.shift + at);
  hn::StoreU(sum, d, f.sums.sum + at);
  hn::StoreU(squares, d, f.sums.squares + at);
}

/// y = epilogue(tile) for `pixels` pixels of one panel.
template <class T>
void finish(const float* tile, std::int64_t pixels, const Finish& f) {
  for (std::int64_t at = 0; at < f.channels; at += kLanes) switch (f.act) {
      case Map::identity:
        finish_vector<T, Map::identity>(tile, pixels, f, at);
        break;
      case Map::relu:
        finish_vector<T, Map::relu>(tile, pixels, f, at);
        break;
      case Map::leaky_relu:
        finish_vector<T, Map::leaky_relu>(tile, pixels, f, at);
        break;
      case Map::tanh:
        finish_vector<T, Map::tanh>(tile, pixels, f, at);
        break;
      default:
        finish_vector<T, Map::sigmoid>(tile, pixels, f, at);
    }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#endif
