// Convolution with few output channels. A product with K columns would leave most lanes of a register idle (3 of 16 for
// an RGB image), so the columns are the pairs (s, k):
//   Z[w][(s, k)] = sum over r, c of x[p + r][w][c] * filter[k][r][s][c]      [W x R*C] x [R*C x S*K]
//   y[q][k]      = sum over s of Z[q + s][(s, k)]                            shifted additions, about 1 % of the work
// 27 of 32 lanes work for 9x9 and K 3, 21 of 24 for 7x7 and K 3.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/thin_out.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include "kernels/conv2d/direct-inl.h"
#include "kernels/core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace {

/// The filter as panels of (s, k) columns, [panels][R][C][kPanel].
template <class T>
std::shared_ptr<Scratch> pack_pairs(const TapConv& t, std::int64_t panels, Context& ctx) {
  const Phase &rows = t.h.phases.front(), &columns = t.w.phases.front();
  const auto row_count = static_cast<std::int64_t>(rows.taps.size());
  const auto count = static_cast<std::size_t>(panels * row_count * t.C * kPanel);
  auto packed = std::make_shared<Scratch>(ctx.lasting(count * sizeof(float)));
  std::fill_n(packed->as<float>(), count, 0.f);
  const T* filter = t.filter.as<T>();
  for (std::int64_t r = 0; r < row_count; r++)
    for (std::size_t s = 0; s < columns.taps.size(); s++)
      for (std::int64_t k = 0; k < t.K; k++)
        for (std::int64_t c = 0; c < t.C; c++) {
          const std::int64_t column = static_cast<std::int64_t>(s) * t.K + k;
          const std::int64_t at = ((column / kPanel * row_count + r) * t.C + c) * kPanel + column % kPanel;
          packed->as<float>()[at] = static_cast<float>(
              filter[t.filter_index(k, rows.taps[static_cast<std::size_t>(r)].index, columns.taps[s].index, c)]);
        }
  return packed;
}

struct Work {
  const TapConv& t;
  RowLayout layout;
  const float* filter;
  const float* bias;
  std::int64_t panels;  // of (s, k) columns
  std::vector<std::ptrdiff_t> starts;
};

/// Z[panels][extent][kPanel] of output row p.
template <class T>
void multiply_row(const Work& w, std::int64_t p, const PaddedRows<T>& source, std::vector<const float*>& pointers,
                  float* z) {
  const TapConv& t = w.t;
  const std::vector<Tap>& taps = t.h.phases.front().taps;
  for (std::size_t r = 0; r < taps.size(); r++) pointers[r] = source.row(p + taps[r].offset);
  const Segment channels{0, t.C};
  const std::int64_t columns = static_cast<std::int64_t>(t.w.phases.front().taps.size()) * t.K;
  const std::int64_t count = t.w.extent, blocks = (count + kPixels - 1) / kPixels;
  TileArgs args{pointers.data(), static_cast<std::int64_t>(taps.size()), &channels, 1, 0, w.layout.pitch, w.filter};
  for (std::int64_t b = 0; b < blocks; b++) {
    const std::int64_t first = count * b / blocks, pixels = count * (b + 1) / blocks - first;
    args.offset = first * w.layout.pitch;
    for (std::int64_t i = 0; i < w.panels; i++) {
      args.panel = w.filter + i * args.row_count * t.C * kPanel;
      tiles_for<false>(columns - i * kPanel)[static_cast<std::size_t>(pixels)](args, z + (i * count + first) * kPanel);
    }
  }
}

/// Where Z keeps column (s, k) of output pixel 0, [S][K].
std::vector<std::ptrdiff_t> pair_starts(const TapConv& t) {
  std::vector<std::ptrdiff_t> starts;
  for (const Tap& tap : t.w.phases.front().taps)
    for (std::int64_t k = 0; k < t.K; k++) {
      const auto column = static_cast<std::int64_t>(starts.size());
      starts.push_back((column / kPanel * t.w.extent + tap.offset) * kPanel + column % kPanel);
    }
  return starts;
}

/// y[q][k] = sum over s of Z[q + offset(s)][(s, k)], K known at compile time where it is not 0.
template <std::int64_t kK>
void add_shifted(const Work& w, const float* z, float* y) {
  const std::int64_t K = kK ? kK : w.t.K;
  const std::size_t columns = w.starts.size();
  for (std::int64_t q = 0; q < w.t.w.out; q++, z += kPanel, y += K) {
    std::fill_n(y, K, 0.f);
    for (std::size_t s = 0; s < columns; s += static_cast<std::size_t>(K))
      for (std::int64_t k = 0; k < K; k++) y[k] += z[w.starts[s + static_cast<std::size_t>(k)]];
  }
}

/// bias, residual and activation of one dense row of `count` values whose channels repeat every K.
template <class T, Map F>
void finish_row(const TapConv& t, const float* bias, std::int64_t at, std::int64_t count, float* row) {
  const Floats d;
  const auto a = hn::Set(d, static_cast<float>(t.epilogue.a));
  for (std::int64_t i = 0; i < count; i += kLanes) {
    auto v = hn::Add(hn::LoadU(d, row + i), hn::LoadU(d, bias + i % t.K));
    if (t.epilogue.residual) v = hn::Add(v, load_some(t.epilogue.residual.as<T>() + at + i, count - i));
    v = activate<F>(v, a);
    if constexpr (sizeof(T) == 2) v = round_bf16(v);
    hn::StoreU(v, d, row + i);
    store_some(v, t.y.as<T>() + at + i, count - i, false);
  }
}

/// Shifted sums of a dense row, each channel continuing where the row before stopped.
void count_row(const TapConv& t, const float* row, bool first, const PartialSums& sums) {
  for (std::int64_t k = 0; k < t.K; k++) {
    if (first) sums.shift[k] = row[k], sums.sum[k] = sums.squares[k] = 0;
    const float shift = sums.shift[k];
    float sum = 0, squares = 0;
    for (std::int64_t q = 0; q < t.w.out; q++) {
      const float deviation = row[q * t.K + k] - shift;
      sum += deviation, squares += deviation * deviation;
    }
    sums.sum[k] += sum, sums.squares[k] += squares;
  }
}

template <class T>
void finish_row(const Work& w, std::int64_t at, float* row) {
  const std::int64_t count = w.t.w.out * w.t.K;
  switch (w.t.epilogue.act) {
    case Map::identity:
      return finish_row<T, Map::identity>(w.t, w.bias, at, count, row);
    case Map::relu:
      return finish_row<T, Map::relu>(w.t, w.bias, at, count, row);
    case Map::leaky_relu:
      return finish_row<T, Map::leaky_relu>(w.t, w.bias, at, count, row);
    case Map::tanh:
      return finish_row<T, Map::tanh>(w.t, w.bias, at, count, row);
    default:
      return finish_row<T, Map::sigmoid>(w.t, w.bias, at, count, row);
  }
}

/// Bias repeated over K + kLanes values: a vector may start at any channel.
void repeat_bias(const TapConv& t, float* dst) {
  for (std::int64_t i = 0; i < t.K + kLanes; i++) dst[i] = t.epilogue.bias ? t.epilogue.bias.as<float>()[i % t.K] : 0.f;
}

template <class T>
void run_typed(const TapConv& t, const std::string& key, Context& ctx) {
  const std::int64_t columns = static_cast<std::int64_t>(t.w.phases.front().taps.size()) * t.K;
  const std::int64_t panels = (columns + kPanel - 1) / kPanel;
  const std::shared_ptr<Scratch> filter = ctx.cache().get<Scratch>("thin_out", concat(key, 'v', kLanes), t.filter,
                                                                   [&] { return pack_pairs<T>(t, panels, ctx); });
  const Scratch bias = ctx.scratch(static_cast<std::size_t>(t.K + kLanes) * sizeof(float));
  repeat_bias(t, bias.as<float>());
  const RowParts parts(t, std::min<std::int64_t>(4, t.h.steps()));
  const StatisticsParts statistics(t, {1, t.K, 64}, parts.per_image, ctx);
  const auto add = t.K == 3 ? add_shifted<3> : t.K == 1 ? add_shifted<1> : add_shifted<0>;
  const Work work{t, row_layout(t, parts.steps), filter->as<float>(), bias.as<float>(), panels, pair_starts(t)};
  parallel_for(ctx, t.N * parts.per_image, 1, [&](std::int64_t begin, std::int64_t end) {
    PaddedRows<T> source(t, work.layout, ctx);
    std::vector<const float*> pointers(t.h.phases.front().taps.size());
    const Scratch z = ctx.scratch(static_cast<std::size_t>(panels * t.w.extent * kPanel) * sizeof(float));
    const Scratch row = ctx.scratch(static_cast<std::size_t>(t.w.out * t.K + kLanes) * sizeof(float));
    std::memset(row.as<float>(), 0, static_cast<std::size_t>(t.w.out * t.K + kLanes) * sizeof(float));
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t image = i / parts.per_image, part = i % parts.per_image;
      const auto [first, last] = parts.rows(t.h.phases.front(), part);
      source.hold(image, first, last - 1 + t.h.reach() - 1);
      for (std::int64_t p = first; p < last; p++) {
        multiply_row<T>(work, p, source, pointers, z.as<float>());
        add(work, z.as<float>(), row.as<float>());
        finish_row<T>(work, (image * t.h.out + p) * t.w.out * t.K, row.as<float>());
        if (t.epilogue.mean) count_row(t, row.as<float>(), p == first, statistics.at(image, part, 0));
      }
    }
  });
  statistics.store(t, parts.pixels(t));
}

void run_thin_out(const TapConv& t, const std::string& key, Context& ctx) {
  visit_f32_bf16(t.x.dtype, [&](auto type) { run_typed<decltype(type)>(t, key, ctx); });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(run_thin_out);

/// Where pairs fill the lanes better than channels alone would.
bool few(const Conv2dDims& d, std::int64_t outputs) {
  return d.unit_stride() && d.groups == 1 && outputs <= 8 && d.S * outputs <= 64;
}

}  // namespace

bool thin_out_supports(const Conv2dForward& a, const DeviceInfo&) {
  return few(a.d, a.d.K) && is_fusible(a.prologue, a.epilogue);
}
bool thin_out_supports(const Conv2dBackwardInput& a, const DeviceInfo&) {
  return few(a.d, a.d.C) && is_fusible(a.prologue, a.epilogue);
}

void conv2d_forward_thin_out(const Conv2dForward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_thin_out)(taps_of(a), concat("f", a.d.key()), ctx);
}
void conv2d_backward_input_thin_out(const Conv2dBackwardInput& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_thin_out)(taps_of(a), concat("b", a.d.key()), ctx);
}

}  // namespace sumi
#endif
