// Depthwise convolution (groups == C == K) and its gradients, vectorised over channels. At most 2 * R * S operations a
// value: memory decides, so the padded rows stay in the cache and each value is read and written once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/depthwise.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct-inl.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

constexpr std::int64_t kSlack = 64;  // floats after a buffer that whole vectors may touch

/// The filter with channels last, [R*S][C], and a slack.
template <class T>
std::shared_ptr<Scratch> pack_channels(const TapConv& t, Context& ctx) {
  const std::int64_t taps = t.h.filter * t.w.filter;
  auto packed = std::make_shared<Scratch>(ctx.scratch(static_cast<std::size_t>(taps * t.C + kSlack) * sizeof(float)));
  for (std::int64_t i = 0; i < taps; i++)
    for (std::int64_t c = 0; c < t.C; c++)
      packed->as<float>()[i * t.C + c] = static_cast<float>(t.filter.as<T>()[c * taps + i]);
  return packed;
}

struct Work {
  const TapConv& t;
  RowParts parts;
  RowLayout layout;
  const float* filter;
  const float* bias;
  const StatisticsParts& statistics;
  bool stream;
};

/// M pixels of kLanes channels, out[M][kPanel]: sum over taps of row[pixel * in_step + tap] * filter.
template <int M>
HWY_NOINLINE void taps_tile(const Work& w, const Phase& rows, const Phase& columns, const float* const* pointers,
                            std::int64_t q, std::int64_t c, float* HWY_RESTRICT out) {
  const Floats d;
  const std::int64_t pitch = w.layout.pitch, step = w.t.w.in_step * pitch;
  hn::Vec<Floats> sums[M];
#pragma GCC unroll 16
  for (int m = 0; m < M; m++) sums[m] = hn::Zero(d);
  for (std::size_t r = 0; r < rows.taps.size(); r++)
    for (const Tap& s : columns.taps) {
      const float* x = pointers[r] + q * step + s.offset * pitch + c;
      const auto f = hn::LoadU(d, w.filter + (rows.taps[r].index * w.t.w.filter + s.index) * w.t.C + c);
#pragma GCC unroll 16
      for (int m = 0; m < M; m++) sums[m] = hn::MulAdd(hn::LoadU(d, x + m * step), f, sums[m]);
    }
#pragma GCC unroll 16
  for (int m = 0; m < M; m++) hn::StoreU(sums[m], d, out + m * kPanel);
}

constexpr int kTile = 8;
constexpr decltype(&taps_tile<1>) kTiles[kTile + 1] = {nullptr,      taps_tile<1>, taps_tile<2>,
                                                       taps_tile<3>, taps_tile<4>, taps_tile<5>,
                                                       taps_tile<6>, taps_tile<7>, taps_tile<8>};

/// One output row of one phase: tiles of 8 pixels, each with all its channels.
template <class T>
void run_row(const Work& w, const Phase& rows, const Phase& columns, const float* const* pointers, std::int64_t image,
             std::int64_t part, std::int64_t step, bool first) {
  const TapConv& t = w.t;
  const std::int64_t row = image * t.h.out + rows.first + step * t.h.out_step;
  HWY_ALIGN float out[kTile * kPanel];
  for (std::int64_t q = 0; q < columns.count; q += kTile)
    for (std::int64_t c = 0; c < t.C; c += kLanes) {
      const std::int64_t pixels = std::min<std::int64_t>(kTile, columns.count - q);
      kTiles[pixels](w, rows, columns, pointers, q, c, out);
      const std::int64_t at = (row * t.w.out + columns.first + q * t.w.out_step) * t.C + c;  // (N,P,Q,C)
      const Finish f{w.bias + c,
                     t.epilogue.residual ? t.epilogue.residual.as<T>() + at : nullptr,
                     t.y.as<T>() + at,
                     t.w.out_step * t.C,
                     std::min(kLanes, t.C - c),
                     t.epilogue.act,
                     static_cast<float>(t.epilogue.a),
                     w.stream,
                     w.statistics.at(image, part, c),
                     first && q == 0};
      finish<T>(out, pixels, f);
    }
}

template <class T>
void run_part(const Work& w, std::int64_t image, std::int64_t part, PaddedRows<T>& source,
              std::vector<const float*>& pointers) {
  const TapConv& t = w.t;
  const std::int64_t first = part * w.parts.steps * t.h.in_step;
  source.hold(image, first, std::min(first + w.layout.slots, t.h.extent) - 1);
  bool first_row = true;
  for (const Phase& rows : t.h.phases) {
    const auto [begin, end] = w.parts.rows(rows, part);
    for (std::int64_t i = begin; i < end; i++) {
      for (std::size_t r = 0; r < rows.taps.size(); r++)
        pointers[r] = source.row(i * t.h.in_step + rows.taps[r].offset);
      for (const Phase& columns : t.w.phases) {
        run_row<T>(w, rows, columns, pointers.data(), image, part, i, first_row);
        first_row = false;
      }
    }
  }
}

template <class T>
void run_typed(const TapConv& t, const std::string& key, Context& ctx) {
  const std::shared_ptr<Scratch> filter =
      ctx.cache().get<Scratch>("depthwise", key, t.filter, [&] { return pack_channels<T>(t, ctx); });
  const Panels panels{1, t.C, kSlack};
  const RowParts parts(t, std::min<std::int64_t>(4, t.h.steps()));
  const StatisticsParts statistics(t, panels, parts.per_image, ctx);
  const Scratch bias = ctx.scratch(static_cast<std::size_t>(panels.count() * kSlack) * sizeof(float));
  pad_bias(t, panels, bias.as<float>());
  // Whole vectors reach past the last channel of the last pixel, which only a copied row can afford.
  RowLayout layout = row_layout(t, parts.steps, t.C);
  layout.copied = layout.copied || t.C % kLanes != 0;
  const Work work{t, parts, layout, filter->as<float>(), bias.as<float>(), statistics, stream_output(t, t.C, kLanes)};
  parallel_for(ctx, t.N * parts.per_image, 1, [&](std::int64_t begin, std::int64_t end) {
    PaddedRows<T> source(t, layout, ctx);
    std::vector<const float*> pointers(static_cast<std::size_t>(t.h.max_taps()));
    for (std::int64_t i = begin; i < end; i++)
      run_part<T>(work, i / parts.per_image, i % parts.per_image, source, pointers);
    if (work.stream) hwy::FlushStream();
  });
  statistics.store(t, parts.pixels(t));
}

/// The pieces of a weight gradient: each chunk of rows has sums [R*S + 1][C + slack], dbias last.
struct WeightWork {
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
void add_row(const WeightWork& w, std::span<const float* const> rows, const float* dy, float* sums) {
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
void sum_chunk(const WeightWork& w, std::int64_t chunk, PaddedRows<T>& source, float* dy) {
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
float chunks_total(const WeightWork& w, std::int64_t i, std::int64_t c) {
  const std::int64_t size = (w.t.h.filter * w.t.w.filter + 1) * w.pitch;
  float total = 0;
  for (std::int64_t chunk = 0; chunk < w.chunks.count; chunk++) total += w.sums[chunk * size + i * w.pitch + c];
  return total;
}

template <class T>
void run_weight_typed(const Conv2dBackwardWeight& a, const TapConv& t, Context& ctx) {
  const std::int64_t taps = a.d.R * a.d.S, pitch = t.C + kSlack;
  const RowChunks chunks(t.N * t.h.out, (taps + 1) * pitch);
  const Scratch sums = ctx.scratch(static_cast<std::size_t>(chunks.count * (taps + 1) * pitch) * sizeof(float));
  RowLayout layout = row_layout(t, 1, t.C);
  layout.copied = layout.copied || t.C % kLanes != 0;
  const WeightWork work{a, t, layout, chunks, pitch, sums.as<float>()};
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
  if (t.x.dtype == DType::f32)
    run_weight_typed<float>(a, t, ctx);
  else
    run_weight_typed<BFloat16>(a, t, ctx);
}

void run_depthwise(const TapConv& t, const std::string& key, Context& ctx) {
  if (t.x.dtype == DType::f32)
    run_typed<float>(t, key, ctx);
  else
    run_typed<BFloat16>(t, key, ctx);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {
HWY_EXPORT(run_depthwise);
HWY_EXPORT(run_depthwise_weight);
}  // namespace

bool is_depthwise(const Conv2dDims& d) { return d.groups == d.C && d.C == d.K && d.C > 1; }

void conv2d_forward_depthwise(const Conv2dForward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise)(taps_of(a), concat("f", a.d.key()), ctx);
}
void conv2d_backward_input_depthwise(const Conv2dBackwardInput& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise)(taps_of(a), concat("b", a.d.key()), ctx);
}
void conv2d_backward_weight_depthwise(const Conv2dBackwardWeight& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise_weight)(a, taps_of(a), ctx);
}

}  // namespace sumi
#endif
