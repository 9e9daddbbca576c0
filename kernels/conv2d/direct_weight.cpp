// Weight gradient without a library: dw is a product of the padded rows of x, transposed in place, with dy:
//   dw[(r, s, c)][k] = sum over n, p, q of x[n][p + r][q + s][c] * dy[n][p][q][k]      [R*S*C x N*P*Q] x [N*P*Q x K]
// The N*P rows are cut into chunks by shape alone; each chunk's sum stands by itself and the sums are added in order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/direct_weight.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct-inl.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

/// Pixels multiplied at a time: their x and dy stay in the first-level cache for C <= 64, while loading and storing the
/// 14 x 32 sums costs 7 % of the 64 steps.
constexpr std::int64_t kBlock = 64;

struct Work {
  const Conv2dBackwardWeight& a;
  const TapConv& t;
  Panels panels;
  RowLayout layout;
  RowChunks chunks;
  std::int64_t together;  // rows of one image multiplied at a time
  std::int64_t taps;      // R * S * C/g, the rows of dw
  float* sums;            // [chunks][panels][taps][kPanel]
  double* dbias;          // [chunks][panels][kPanel]
};

/// `count` pixels of dy, [N*P*Q][K] from `pixel` on, as panels [panels][count][kPanel] with zeros in unused columns;
/// and their sums added to dbias.
template <class T>
void pack_dy(const Work& w, std::int64_t pixel, std::int64_t count, float* packed, double* dbias) {
  const std::int64_t K = w.a.d.K;
  for (std::int64_t i = 0; i < w.panels.count(); i++, dbias += kPanel) {
    const std::int64_t used = w.panels.used(i);
    const T* dy = w.a.dy.as<T>() + pixel * K + w.panels.first(i);  // (N,P,Q,K)
    HWY_ALIGN float sums[kPanel] = {};
    for (std::int64_t q = 0; q < count; q++, dy += K, packed += kPanel) {
      for (std::int64_t k = 0; k < used; k++) packed[k] = static_cast<float>(dy[k]);
      std::fill(packed + used, packed + kPanel, 0.f);
      for (std::int64_t k = 0; k < kPanel; k++) sums[k] += packed[k];
    }
    for (std::int64_t k = 0; k < kPanel; k++) dbias[k] += static_cast<double>(sums[k]);
  }
}

/// Some rows of one image, and pixels [q, q + count) of each.
struct Block {
  std::int64_t rows, q, count;
};

/// sums[taps][kPanel] += the taps of one filter row, read from `rows`, times a block of dy's panel.
void add_filter_row(const Work& w, const float* const* rows, std::span<const Segment> segments, std::int64_t panel,
                    const Block& block, const float* dy, float* sums) {
  const std::int64_t step = w.t.w.in_step * w.layout.pitch;
  const std::int64_t first = panel / w.panels.per_group() * w.t.Cg() + block.q * step;
  const Segment pixels{0, block.count};
  TileArgs args{rows, block.rows, &pixels, 1, 0, step, dy};
  const auto& tiles = tiles_for<true>(w.panels.used(panel));
  for (const Segment& s : segments) {
    const std::int64_t blocks = (s.length + kPixels - 1) / kPixels;
    for (std::int64_t b = 0; b < blocks; b++) {
      const std::int64_t at = s.length * b / blocks, taps = s.length * (b + 1) / blocks - at;
      args.offset = first + s.offset + at;
      tiles[static_cast<std::size_t>(taps)](args, sums + at * kPanel);
    }
    sums += s.length * kPanel;
  }
}

/// The sums of `count` rows of one image; rows is [R][together].
void add_rows(const Work& w, std::span<const float* const> rows, std::span<const Segment> segments, std::int64_t count,
              const float* dy, float* sums) {
  const std::int64_t Q = w.t.w.out, blocks = count > 1 ? 1 : (Q + kBlock - 1) / kBlock;
  const std::int64_t R = w.t.h.filter, row_taps = w.taps / R;
  for (std::int64_t b = 0; b < blocks; b++) {
    const std::int64_t q = Q * b / blocks;
    const Block block{count, q, Q * (b + 1) / blocks - q};
    for (std::int64_t i = 0; i < w.panels.count(); i++)
      for (std::int64_t r = 0; r < R; r++)
        add_filter_row(w, rows.data() + r * w.together, segments, i, block, dy + (i * count * Q + q) * kPanel,
                       sums + (i * w.taps + r * row_taps) * kPanel);
  }
}

template <class T>
void sum_chunk(const Work& w, std::int64_t chunk, PaddedRows<T>& source, float* dy) {
  const TapConv& t = w.t;
  const std::vector<Tap>& taps = t.h.phases.front().taps;
  const auto segments = segments_of(t, t.w.phases.front(), w.layout.pitch);
  float* sums = w.sums + chunk * w.panels.count() * w.taps * kPanel;
  double* dbias = w.dbias + chunk * w.panels.count() * kPanel;
  std::fill_n(sums, w.panels.count() * w.taps * kPanel, 0.f);
  std::fill_n(dbias, w.panels.count() * kPanel, 0.0);
  std::vector<const float*> rows(taps.size() * static_cast<std::size_t>(w.together));
  const auto [begin, end] = w.chunks.range(chunk);
  for (std::int64_t row = begin, count = 0; row < end; row += count) {
    const std::int64_t image = row / t.h.out, p = row % t.h.out;
    count = std::min({w.together, end - row, t.h.out - p});
    source.hold(image, p * t.h.in_step, (p + count - 1) * t.h.in_step + t.h.reach() - 1);
    for (std::size_t r = 0; r < taps.size(); r++)
      for (std::int64_t i = 0; i < count; i++)
        rows[r * static_cast<std::size_t>(w.together) + static_cast<std::size_t>(i)] =
            source.row((p + i) * t.h.in_step + taps[r].offset);
    pack_dy<T>(w, row * t.w.out, count * t.w.out, dy, dbias);
    add_rows(w, rows, segments, count, dy, sums);
  }
}

/// dw from the chunks' sums: rows [begin, end) of all panels' taps.
template <class T>
void store_taps(const Work& w, std::int64_t begin, std::int64_t end) {
  T* dw = w.a.dw.as<T>();
  for (std::int64_t i = begin; i < end; i++) {
    const std::int64_t panel = i / w.taps, tap = i % w.taps, first = w.panels.first(panel);
    HWY_ALIGN float total[kPanel] = {};
    for (std::int64_t chunk = 0; chunk < w.chunks.count; chunk++) {
      const float* sums = w.sums + (chunk * w.panels.count() * w.taps + i) * kPanel;
      for (std::int64_t k = 0; k < kPanel; k++) total[k] += sums[k];
    }
    for (std::int64_t k = 0; k < w.panels.used(panel); k++)
      dw[(first + k) * w.taps + tap] = static_cast<T>(total[k]);  // (K,R,S,C)
  }
}

void store_dbias(const Work& w) {
  for (std::int64_t k = 0; k < w.a.d.K; k++) {
    double total = 0;
    for (std::int64_t chunk = 0; chunk < w.chunks.count; chunk++)
      total += w.dbias[chunk * w.panels.count() * kPanel + w.panels.place(k)];
    store_param(w.a.dbias, k, total);
  }
}

template <class T>
void run_typed(const Conv2dBackwardWeight& a, const TapConv& t, Context& ctx) {
  const Panels panels{t.groups, t.Kg(), kPanel};
  const std::int64_t taps = a.d.R * a.d.S * t.Cg(), floats = panels.count() * taps * kPanel;
  const RowChunks chunks(t.N * t.h.out, floats);
  const std::int64_t together = std::clamp<std::int64_t>(2 * kBlock / t.w.out, 1, t.h.out);
  const Scratch sums = ctx.scratch(static_cast<std::size_t>(chunks.count * floats) * sizeof(float));
  const Scratch dbias = ctx.scratch(static_cast<std::size_t>(chunks.count * panels.count() * kPanel) * sizeof(double));
  const Work work{a, t, panels, row_layout(t, together), chunks, together, taps, sums.as<float>(), dbias.as<double>()};
  parallel_for(ctx, chunks.count, 1, [&](std::int64_t begin, std::int64_t end) {
    PaddedRows<T> source(t, work.layout, ctx);
    const Scratch dy =
        ctx.scratch(static_cast<std::size_t>(panels.count() * together * t.w.out * kPanel) * sizeof(float));
    for (std::int64_t i = begin; i < end; i++) sum_chunk<T>(work, i, source, dy.as<float>());
  });
  parallel_for(ctx, panels.count() * taps, 16, [&](std::int64_t begin, std::int64_t end) {
    if (a.dw.dtype == DType::f32)
      store_taps<float>(work, begin, end);
    else
      store_taps<T>(work, begin, end);
  });
  if (a.dbias) store_dbias(work);
}

void run_direct_weight(const Conv2dBackwardWeight& a, const TapConv& t, Context& ctx) {
  visit_f32_bf16(t.x.dtype, [&](auto type) { run_typed<decltype(type)>(a, t, ctx); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {
HWY_EXPORT(run_direct_weight);
}

void conv2d_backward_weight_direct(const Conv2dBackwardWeight& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_direct_weight)(a, taps_of(a), ctx);
}

}  // namespace sumi
#endif
