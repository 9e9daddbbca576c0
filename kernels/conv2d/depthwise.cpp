// Depthwise convolution (groups == C == K) and its input gradient, vectorised over channels. At most 2 * R * S
// operations a value: memory decides, so the padded rows stay in the cache and each value is read and written once.
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

/// The filter with channels last, [R*S][C], and a slack.
template <class T>
std::shared_ptr<Scratch> pack_channels(const TapConv& t, Context& ctx) {
  const std::int64_t taps = t.h.filter * t.w.filter;
  auto packed = std::make_shared<Scratch>(ctx.lasting(static_cast<std::size_t>(taps * t.C + kSlack) * sizeof(float)));
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

void run_depthwise(const TapConv& t, const std::string& key, Context& ctx) {
  visit_f32_bf16(t.x.dtype, [&](auto type) { run_typed<decltype(type)>(t, key, ctx); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {
HWY_EXPORT(run_depthwise);
}

bool is_depthwise(const Conv2dDims& d) { return d.groups == d.C && d.C == d.K && d.C > 1; }

void conv2d_forward_depthwise(const Conv2dForward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise)(taps_of(a), concat("f", a.d.key()), ctx);
}
void conv2d_backward_input_depthwise(const Conv2dBackwardInput& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_depthwise)(taps_of(a), concat("b", a.d.key()), ctx);
}

}  // namespace sumi
#endif
