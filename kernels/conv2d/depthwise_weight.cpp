// The weight gradient of a depthwise convolution, vectorised over channels: chunks of rows, added in order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/depthwise_weight.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct-inl.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

/// The pieces of a weight gradient: each chunk of rows has sums [R*S + 1][C + slack], dbias last.
struct Work {
  const Conv2dBackwardWeight& a;
  const TapConv& t;
  RowLayout layout;
  RowChunks chunks;
  std::int64_t pitch;  // C + slack
  float* sums;
};

/// sums[m][kLanes channels] += dy times x at tap m, over the pixels of one row. M taps share one load of dy.
template <int M>
HWY_NOINLINE void add_taps(const float* const* x, std::int64_t step, const float* dy, std::int64_t dy_step,
                           std::int64_t pixels, float* sums, std::int64_t pitch) {
  const Floats d;
  hn::Vec<Floats> total[M];
  for (int m = 0; m < M; m++) total[m] = hn::LoadU(d, sums + m * pitch);
  for (std::int64_t q = 0; q < pixels; q++) {
    const auto v = hn::LoadU(d, dy + q * dy_step);
#pragma GCC unroll 4
    for (int m = 0; m < M; m++) total[m] = hn::MulAdd(hn::LoadU(d, x[m] + q * step), v, total[m]);
  }
  for (int m = 0; m < M; m++) hn::StoreU(total[m], d, sums + m * pitch);
}

/// Adds one output row: `dy` is [Q][C] as floats with a slack, `rows` the padded rows of x per filter row.
void add_row(const Work& w, std::span<const float* const> rows, const float* dy, float* sums) {
  const std::vector<Tap>& columns = w.t.w.phases.front().taps;
  const std::int64_t step = w.t.w.in_step * w.layout.pitch, S = w.t.w.filter, Q = w.t.w.out, C = w.t.C;
  for (std::int64_t c = 0; c < C; c += kLanes) {
    for (std::size_t r = 0; r < rows.size(); r++)
      for (std::int64_t s = 0; s < S; s += 4) {
        const float* x[4] = {};
        const std::int64_t count = std::min<std::int64_t>(4, S - s);
        for (std::int64_t m = 0; m < count; m++)
          x[m] = rows[r] + columns[static_cast<std::size_t>(s + m)].offset * w.layout.pitch + c;
        constexpr decltype(&add_taps<1>) kAdd[] = {nullptr, add_taps<1>, add_taps<2>, add_taps<3>, add_taps<4>};
        kAdd[count](x, step, dy + c, C, Q, sums + (static_cast<std::int64_t>(r) * S + s) * w.pitch + c, w.pitch);
      }
    const Floats d;
    auto dbias = hn::Zero(d);
    for (std::int64_t q = 0; q < Q; q++) dbias = hn::Add(dbias, hn::LoadU(d, dy + q * C + c));
    float* total = sums + static_cast<std::int64_t>(rows.size()) * S * w.pitch + c;
    hn::StoreU(hn::Add(hn::LoadU(d, total), dbias), d, total);
  }
}

template <class T>
void sum_chunk(const Work& w, std::int64_t chunk, PaddedRows<T>& source, float* dy) {
  const TapConv& t = w.t;
  const std::vector<Tap>& taps = t.h.phases.front().taps;
  const std::int64_t size = (t.h.filter * t.w.filter + 1) * w.pitch, count = t.w.out * t.C;
  float* sums = w.sums + chunk * size;
  std::fill_n(sums, size, 0.f);
  std::vector<const float*> rows(taps.size());
  const auto [begin, end] = w.chunks.range(chunk);
  for (std::int64_t row = begin; row < end; row++) {
    const std::int64_t first = row % t.h.out * t.h.in_step;
    source.hold(row / t.h.out, first, first + t.h.reach() - 1);
    for (std::size_t r = 0; r < taps.size(); r++) rows[r] = source.row(first + taps[r].offset);
    load_pixel(w.a.dy.as<T>() + row * count, nullptr, nullptr, {}, dy, count);  // (N,P,Q,K)
    add_row(w, rows, dy, sums);
  }
}

/// The sum over chunks at tap i (R*S for dbias) and channel c.
float chunks_total(const Work& w, std::int64_t i, std::int64_t c) {
  const std::int64_t size = (w.t.h.filter * w.t.w.filter + 1) * w.pitch;
  float total = 0;
  for (std::int64_t chunk = 0; chunk < w.chunks.count; chunk++) total += w.sums[chunk * size + i * w.pitch + c];
  return total;
}

template <class T>
void run_typed(const Conv2dBackwardWeight& a, const TapConv& t, Context& ctx) {
  const std::int64_t taps = a.d.R * a.d.S, pitch = t.C + kSlack;
  const RowChunks chunks(t.N * t.h.out, (taps + 1) * pitch);
  const Scratch sums = ctx.scratch(static_cast<std::size_t>(chunks.count * (taps + 1) * pitch) * sizeof(float));
  RowLayout layout = row_layout(t, 1, t.C);
  layout.copied = layout.copied || t.C % kLanes != 0;
  const Work work{a, t, layout, chunks, pitch, sums.as<float>()};
  parallel_for(ctx, chunks.count, 1, [&](std::int64_t begin, std::int64_t end) {
    PaddedRows<T> source(t, layout, ctx);
    const Scratch dy = ctx.scratch(static_cast<std::size_t>(t.w.out * t.C + kSlack) * sizeof(float));
    for (std::int64_t i = begin; i < end; i++) sum_chunk<T>(work, i, source, dy.as<float>());
  });
  for (std::int64_t c = 0; c < t.C; c++) {
    for (std::int64_t i = 0; i < taps; i++)
      if (a.dw.dtype == DType::f32)
        a.dw.as<float>()[c * taps + i] = chunks_total(work, i, c);
      else
        a.dw.as<T>()[c * taps + i] = static_cast<T>(chunks_total(work, i, c));
    if (a.dbias) store_param(a.dbias, c, static_cast<double>(chunks_total(work, taps, c)));
  }
}

void run_depthwise_weight(const Conv2dBackwardWeight& a, const TapConv& t, Context& ctx) {
  visit_f32_bf16(t.x.dtype, [&](auto type) { run_typed<decltype(type)>(a, t, ctx); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {
HWY_EXPORT(run_depthwise_weight);
}

void conv2d_backward_weight_depthwise(const Conv2dBackwardWeight& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise_weight)(a, taps_of(a), ctx);
}

}  // namespace sumi
#endif
