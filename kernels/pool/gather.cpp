#include "kernels/pool/gather.h"

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

/// `count` channels (at most a vector) from p on.
template <class T>
HWY_INLINE FloatVector load_channels(const T* p, std::int64_t count) {
  return count == lanes() ? load_vector(p) : load_part(p, count);
}

/// The number, in row order, of the window's first maximum. x stands at the window's first pixel.
template <class T>
HWY_INLINE FloatVector first_maximum(const T* x, const PoolDims& d, std::int64_t rows, std::int64_t columns,
                                     std::int64_t count) {
  auto m = load_channels(x, count), at = hn::Zero(FloatTag());
  float k = 0;
  for (std::int64_t r = 0; r < rows; r++)
    for (std::int64_t s = 0; s < columns; s++, k += 1) {
      const auto v = load_channels(x + (r * d.W + s) * d.C, count);
      const auto better = hn::Or(hn::Gt(v, m), hn::AndNot(hn::IsNaN(m), hn::IsNaN(v)));
      m = hn::IfThenElse(better, v, m);
      at = hn::IfThenElse(better, hn::Set(FloatTag(), k), at);
    }
  return at;
}

/// Adds to `line`, row h of dx, what the windows of output row p give it. x and dy are the image's.
template <class T>
void add_windows(const PoolDims& d, const T* x, const T* dy, std::int64_t h, std::int64_t p, float* line) {
  const Window rows = window_rows(d, p);
  const std::int64_t Q = d.Q(), step = lanes();
  for (std::int64_t q = 0; q < Q; q++) {
    const Window columns = window_columns(d, q);
    const std::int64_t width = columns.end - columns.begin;
    const T *from = x + (rows.begin * d.W + columns.begin) * d.C, *g = dy + (p * Q + q) * d.C;
    float* const to = line + columns.begin * d.C;
    for (std::int64_t c = 0; c < d.C && width > 0; c += step) {
      const std::int64_t count = d.C - c < step ? d.C - c : step;
      const auto at = first_maximum(from + c, d, rows.end - rows.begin, width, count);
      const auto gradient = load_channels(g + c, count);
      for (std::int64_t s = 0; s < width; s++) {
        const auto here = hn::Eq(at, hn::Set(FloatTag(), static_cast<float>((h - rows.begin) * width + s)));
        float* const sum = to + s * d.C + c;
        if (count == step)
          store_vector(hn::Add(load_vector(sum), hn::IfThenElseZero(here, gradient)), sum);
        else
          store_part(hn::Add(load_part(sum, count), hn::IfThenElseZero(here, gradient)), sum, count);
      }
    }
  }
}

/// Rows [begin,end) of N*H; `line` holds W*C floats.
void gather_rows(const PoolBackward& a, std::int64_t begin, std::int64_t end, float* line) {
  const PoolDims& d = a.d;
  const std::int64_t row = d.W * d.C, P = d.P();
  const auto go = [&](auto t) {
    using T = decltype(t);
    const bool stream = d.x_count() * static_cast<std::int64_t>(sizeof(T)) >= kStreamBytes;
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t n = i / d.H, h = i % d.H;
      fill_span(line, row, 0);
      // Window p covers rows p stride - top .. p stride - top + R - 1.
      const std::int64_t reach = h + d.pad.top - d.R + 1;
      const std::int64_t low = reach > 0 ? (reach + d.stride_h - 1) / d.stride_h : 0;
      for (std::int64_t p = low; p < P && p * d.stride_h - d.pad.top <= h; p++)
        add_windows(d, a.x.as<T>() + n * d.H * row, a.dy.as<T>() + n * P * d.Q() * d.C, h, p, line);
      map_span(PlainLoad<float>{line}, 0, row, a.dx.as<T>() + i * row, stream);
    }
    if (stream) hwy::FlushStream();
  };
  a.dtype() == DType::bf16 ? go(BFloat16{}) : go(float{});
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(gather_rows);

void pool_backward_gather(const PoolBackward& a, Context& ctx) {
  parallel_for(ctx, a.d.N * a.d.H, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch line = ctx.scratch(static_cast<std::size_t>(a.d.W * a.d.C) * sizeof(float));
    HWY_DYNAMIC_DISPATCH(gather_rows)(a, begin, end, line.as<float>());
  });
}

}  // namespace sumi
#endif
