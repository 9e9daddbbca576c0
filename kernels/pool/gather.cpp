#include "kernels/pool/gather.h"

#include <vector>

#include "kernels/core/parallel.h"
#include "kernels/pool/window.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/gather.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/core/separable-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

/// Channels, or one channel at a time where fewer than a vector are left.
struct Lanes {
  template <class T>
  static HWY_INLINE FloatVector get(const T* p) {
    return load_vector(p);
  }
  static HWY_INLINE void add(FloatVector v, float* p) { store_vector(hn::Add(load_vector(p), v), p); }
};
struct OneLane {
  template <class T>
  static HWY_INLINE FloatVector get(const T* p) {
    return hn::Set(FloatTag(), float(*p));
  }
  static HWY_INLINE void add(FloatVector v, float* p) { *p += hn::GetLane(v); }
};

/// The number, in row order, of the window's first maximum. x stands at the window's first pixel.
template <class Access, class T>
HWY_INLINE FloatVector first_maximum(const T* x, const PoolDims& d, std::int64_t rows, std::int64_t columns) {
  auto m = Access::get(x), at = hn::Zero(FloatTag());
  float k = 0;
  for (std::int64_t r = 0; r < rows; r++)
    for (std::int64_t s = 0; s < columns; s++, k += 1) {
      const auto v = Access::get(x + (r * d.W + s) * d.C);
      const auto better = hn::Or(hn::Gt(v, m), hn::AndNot(hn::IsNaN(m), hn::IsNaN(v)));
      m = hn::IfThenElse(better, v, m);
      at = hn::IfThenElse(better, hn::Set(FloatTag(), k), at);
    }
  return at;
}

/// Adds to `lines`, the strip's rows, what the window (rows, columns) gives them. x and g stand at the channel.
template <class Access, class T>
HWY_INLINE void add_window(const PoolDims& d, const T* x, const T* g, const Strip& strip, const Window& rows,
                           const Window& columns, float* lines) {
  const std::int64_t width = columns.end - columns.begin;
  const auto at = first_maximum<Access>(x + (rows.begin * d.W + columns.begin) * d.C, d, rows.end - rows.begin, width);
  const auto gradient = Access::get(g);
  const std::int64_t low = rows.begin > strip.begin ? rows.begin : strip.begin;
  const std::int64_t high = rows.end < strip.end ? rows.end : strip.end;
  for (std::int64_t h = low; h < high; h++)
    for (std::int64_t s = 0; s < width; s++) {
      const auto here = hn::Eq(at, hn::Set(FloatTag(), static_cast<float>((h - rows.begin) * width + s)));
      Access::add(hn::IfThenElseZero(here, gradient), lines + ((h - strip.begin) * d.W + columns.begin + s) * d.C);
    }
}

/// x, dy and dx are the image's.
template <class T>
void gather_strip(const PoolDims& d, const T* x, const T* dy, T* dx, const Strip& strip, bool stream, float* lines) {
  const std::int64_t Q = d.Q(), step = lanes(), row = d.W * d.C, size = (strip.end - strip.begin) * row;
  fill_span(lines, size, 0);
  for (std::int64_t p = strip.p0; p < strip.p1; p++)
    for (std::int64_t q = 0; q < Q; q++) {
      const Window rows = window_rows(d, p), columns = window_columns(d, q);
      if (columns.end <= columns.begin || rows.end <= rows.begin) continue;
      const T* g = dy + (p * Q + q) * d.C;
      std::int64_t c = 0;
      for (; c + step <= d.C; c += step) add_window<Lanes>(d, x + c, g + c, strip, rows, columns, lines + c);
      for (; c < d.C; c++) add_window<OneLane>(d, x + c, g + c, strip, rows, columns, lines + c);
    }
  map_span(PlainLoad<float>{lines}, 0, size, dx + strip.begin * row, stream);
}

void gather_one(const PoolBackward& a, std::int64_t n, const Strip& strip, float* lines) {
  const auto go = [&](auto t) {
    using T = decltype(t);
    const std::int64_t x = n * a.d.H * a.d.W * a.d.C, y = n * a.d.P() * a.d.Q() * a.d.C;
    const bool stream = a.d.x_count() * static_cast<std::int64_t>(sizeof(T)) >= kStreamBytes;
    gather_strip(a.d, a.x.as<T>() + x, a.dy.as<T>() + y, a.dx.as<T>() + x, strip, stream, lines);
    if (stream) hwy::FlushStream();
  };
  visit_f32_bf16(a.dtype(), go);
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

namespace {

HWY_EXPORT(gather_one);

/// The strips of one image.
std::vector<Strip> strips_of(const PoolDims& d) {
  std::vector<Strip> strips;
  const std::int64_t P = d.P(), stride = d.stride_h;
  if (stride >= d.R || P == 1) {
    for (std::int64_t p = 0; p < P; p++) {
      const std::int64_t begin = p ? std::min(d.H, p * stride - d.pad.top) : 0;
      const std::int64_t end = p + 1 < P ? std::clamp<std::int64_t>((p + 1) * stride - d.pad.top, begin, d.H) : d.H;
      strips.push_back({begin, end, p, p + 1});
    }
    return strips;
  }
  for (std::int64_t h = 0; h < d.H; h++) {  // window p covers rows p stride - top .. p stride - top + R - 1
    const std::int64_t reach = h + d.pad.top - d.R + 1;
    const std::int64_t p0 = reach > 0 ? (reach + stride - 1) / stride : 0;
    strips.push_back({h, h + 1, p0, std::min(P, (h + d.pad.top) / stride + 1)});
  }
  return strips;
}

}  // namespace

void pool_backward_gather(const PoolBackward& a, Context& ctx) {
  const std::vector<Strip> strips = strips_of(a.d);
  const auto count = static_cast<std::int64_t>(strips.size());
  std::int64_t tallest = 0;
  for (const Strip& s : strips) tallest = std::max(tallest, s.end - s.begin);
  parallel_for(ctx, a.d.N * count, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch lines = ctx.scratch(static_cast<std::size_t>(tallest * a.d.W * a.d.C) * sizeof(float));
    for (std::int64_t i = begin; i < end; i++)
      HWY_DYNAMIC_DISPATCH(gather_one)(a, i / count, strips[static_cast<std::size_t>(i % count)], lines.as<float>());
  });
}

}  // namespace sumi
#endif
