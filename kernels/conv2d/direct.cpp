// Direct convolution: each output row is a matrix product [pixels x taps*C] x [taps*C x K] whose left factor is read in
// place from the padded rows: in N,H,W,C the inputs of one filter row are contiguous, so nothing is gathered.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/direct.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct-inl.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

/// The filter, [phases h][phases w][panels][taps h][taps w][C/g][kPanel].
struct PackedFilter {
  Scratch data;
  std::vector<std::int64_t> phase_starts;
};

std::int64_t taps_count(const TapConv& t, const Phase& rows, const Phase& columns) {
  return static_cast<std::int64_t>(rows.taps.size() * columns.taps.size()) * t.Cg();
}

template <class T>
void pack_panel(const TapConv& t, const Phase& rows, const Phase& columns, std::int64_t first, std::int64_t last,
                float* dst) {
  const T* filter = t.filter.as<T>();
  for (const Tap& r : rows.taps)
    for (const Tap& s : columns.taps)
      for (std::int64_t c = 0; c < t.Cg(); c++, dst += kPanel) {
        for (std::int64_t k = first; k < last; k++)
          dst[k - first] = static_cast<float>(filter[t.filter_index(k, r.index, s.index, c)]);
        std::fill(dst + (last - first), dst + kPanel, 0.f);
      }
}

template <class T>
std::shared_ptr<PackedFilter> pack(const TapConv& t, const Panels& panels, Context& ctx) {
  std::vector<std::int64_t> starts{0};
  for (const Phase& rows : t.h.phases)
    for (const Phase& columns : t.w.phases)
      starts.push_back(starts.back() + panels.count() * taps_count(t, rows, columns) * kPanel);
  auto packed = std::make_shared<PackedFilter>(
      PackedFilter{ctx.lasting(static_cast<std::size_t>(starts.back()) * sizeof(float)), starts});
  std::size_t phase = 0;
  for (const Phase& rows : t.h.phases)
    for (const Phase& columns : t.w.phases) {
      float* dst = packed->data.as<float>() + starts[phase++];
      parallel_for(ctx, panels.count(), 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; i++) {
          const std::int64_t first = panels.first(i);
          pack_panel<T>(t, rows, columns, first, first + panels.used(i),
                        dst + i * taps_count(t, rows, columns) * kPanel);
        }
      });
    }
  return packed;
}

/// What all the parts of one call share.
struct Work {
  const TapConv& t;
  Panels panels;
  RowParts parts;
  RowLayout layout;
  const PackedFilter& filter;
  const float* bias;
  const StatisticsParts& statistics;
  bool stream;
};

/// One part of one image, one panel, one phase: rows x tiles.
struct PanelWork {
  std::int64_t image, part, panel;
  const Phase &rows, &columns;
  std::span<const Segment> segments;
  const float* filter;
  bool first;  // of this panel's phases
};

template <class T>
void run_panel(const Work& w, const PanelWork& p, const PaddedRows<T>& source, std::vector<const float*>& pointers) {
  const TapConv& t = w.t;
  const std::int64_t group = p.panel / w.panels.per_group(), k = w.panels.first(p.panel);
  const std::int64_t count = p.columns.count, blocks = (count + kPixels - 1) / kPixels;
  TileArgs args{pointers.data(),
                static_cast<std::int64_t>(p.rows.taps.size()),
                p.segments.data(),
                static_cast<std::int64_t>(p.segments.size()),
                0,
                t.w.in_step * w.layout.pitch,
                p.filter};
  Finish f{w.bias + p.panel * kPanel,
           nullptr,
           nullptr,
           t.w.out_step * t.K,
           w.panels.used(p.panel),
           t.epilogue.act,
           static_cast<float>(t.epilogue.a),
           w.stream,
           w.statistics.at(p.image, p.part, p.panel * kPanel),
           p.first};
  const auto& tiles = tiles_for<false>(f.channels);
  HWY_ALIGN float out[kPixels * kPanel];
  const auto [begin, end] = w.parts.rows(p.rows, p.part);
  for (std::int64_t i = begin; i < end; i++) {
    for (std::size_t r = 0; r < p.rows.taps.size(); r++)
      pointers[r] = source.row(i * t.h.in_step + p.rows.taps[r].offset);
    const std::int64_t row = p.image * t.h.out + p.rows.first + i * t.h.out_step;
    for (std::int64_t b = 0; b < blocks; b++) {
      const std::int64_t q = count * b / blocks, pixels = count * (b + 1) / blocks - q;
      args.offset = q * args.step + group * t.Cg();
      tiles[static_cast<std::size_t>(pixels)](args, out);
      const std::int64_t at = (row * t.w.out + p.columns.first + q * t.w.out_step) * t.K + k;  // (N,P,Q,K)
      f.y = t.y.as<T>() + at;
      f.residual = t.epilogue.residual ? t.epilogue.residual.as<T>() + at : nullptr;
      finish<T>(out, pixels, f);
      f.first = false;
    }
  }
}

/// All phases of the panels [begin, end) of one part.
template <class T>
void run_part(const Work& w, std::int64_t image, std::int64_t part, std::int64_t begin, std::int64_t end,
              PaddedRows<T>& source, std::vector<const float*>& pointers) {
  const TapConv& t = w.t;
  const std::int64_t first = part * w.parts.steps * t.h.in_step;
  source.hold(image, first, std::min(first + w.layout.slots, t.h.extent) - 1);
  std::size_t phase = 0;
  bool first_phase = true;
  for (const Phase& rows : t.h.phases)
    for (const Phase& columns : t.w.phases) {
      const float* filter = w.filter.data.as<float>() + w.filter.phase_starts[phase++];
      const auto [row_begin, row_end] = w.parts.rows(rows, part);
      if (row_begin == row_end) continue;
      const auto segments = segments_of(t, columns, w.layout.pitch);
      for (std::int64_t i = begin; i < end; i++)
        run_panel<T>(
            w,
            {image, part, i, rows, columns, segments, filter + i * taps_count(t, rows, columns) * kPanel, first_phase},
            source, pointers);
      first_phase = false;
    }
}

template <class T>
void run_typed(const TapConv& t, const std::string& key, Context& ctx) {
  const Panels panels{t.groups, t.Kg(), kPanel};
  // A panel is reused over at least 8 tiles; wide rows stand alone, so that few rows are held.
  const RowParts parts(t, std::clamp<std::int64_t>(8 * kPixels / t.w.steps(), 1, t.h.steps()));
  const RowLayout layout = row_layout(t, parts.steps);
  const auto filter = ctx.cache().get<PackedFilter>("direct", concat(key, 'v', kLanes), t.filter,
                                                    [&] { return pack<T>(t, panels, ctx); });
  const Scratch bias = ctx.scratch(static_cast<std::size_t>(panels.count() * kPanel) * sizeof(float));
  pad_bias(t, panels, bias.as<float>());
  const StatisticsParts statistics(t, panels, parts.per_image, ctx);
  const bool stream = stream_output(t, t.Kg(), kLanes);
  const Work work{t, panels, parts, layout, *filter, bias.as<float>(), statistics, stream};
  // Small images are also divided by panels, so that there are 16 pieces of work where possible.
  const std::int64_t images = t.N * parts.per_image;
  const std::int64_t splits = std::min(panels.count(), (15 + images) / images);
  parallel_for(ctx, splits * images, 1, [&](std::int64_t begin, std::int64_t end) {
    PaddedRows<T> source(t, layout, ctx);
    std::vector<const float*> pointers(static_cast<std::size_t>(t.h.max_taps()));
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t split = i / images, image = i % images / parts.per_image, part = i % parts.per_image;
      run_part<T>(work, image, part, panels.count() * split / splits, panels.count() * (split + 1) / splits, source,
                  pointers);
    }
    if (stream) hwy::FlushStream();
  });
  statistics.store(t, parts.pixels(t));
}

void run_direct(const TapConv& t, const std::string& key, Context& ctx) {
  visit_f32_bf16(t.x.dtype, [&](auto type) { run_typed<decltype(type)>(t, key, ctx); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {
HWY_EXPORT(run_direct);
}

void conv2d_forward_direct(const Conv2dForward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_direct)(taps_of(a), concat("f", a.d.key()), ctx);
}
void conv2d_backward_input_direct(const Conv2dBackwardInput& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_direct)(taps_of(a), concat("b", a.d.key()), ctx);
}

}  // namespace sumi
#endif
