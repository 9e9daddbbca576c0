#include "kernels/norm/shifted_sums.h"

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/norm/channels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/shifted_sums.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/core/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

/// shift = the first wide pixel, sum = sum of x - shift, square = sum of its square; each [period].
template <class T>
void sum_wide_pixels(const T* x, std::int64_t pixels, std::int64_t period, float* shift, float* sum, float* square) {
  const std::int64_t step = lanes();
  for (std::int64_t j = 0; j < period; j += step) {
    store_vector(load_vector(x + j), shift + j);
    store_vector(hn::Zero(FloatTag()), sum + j);
    store_vector(hn::Zero(FloatTag()), square + j);
  }
  std::int64_t p = 1;
  for (; p + 4 <= pixels; p += 4) {  // four at a time: the sums are loaded and stored a quarter as often
    const T *x0 = x + p * period, *x1 = x0 + period, *x2 = x1 + period, *x3 = x2 + period;
    for (std::int64_t j = 0; j < period; j += step) {
      const auto base = load_vector(shift + j);
      const auto d0 = hn::Sub(load_vector(x0 + j), base), d1 = hn::Sub(load_vector(x1 + j), base);
      const auto d2 = hn::Sub(load_vector(x2 + j), base), d3 = hn::Sub(load_vector(x3 + j), base);
      store_vector(hn::Add(load_vector(sum + j), hn::Add(hn::Add(d0, d1), hn::Add(d2, d3))), sum + j);
      const auto low = hn::MulAdd(d0, d0, hn::Mul(d1, d1)), high = hn::MulAdd(d2, d2, hn::Mul(d3, d3));
      store_vector(hn::Add(load_vector(square + j), hn::Add(low, high)), square + j);
    }
  }
  for (; p < pixels; p++)
    for (std::int64_t j = 0; j < period; j += step) {
      const auto d = hn::Sub(load_vector(x + p * period + j), load_vector(shift + j));
      store_vector(hn::Add(load_vector(sum + j), d), sum + j);
      store_vector(hn::MulAdd(d, d, load_vector(square + j)), square + j);
    }
}

/// Part `i` of an image whose first element is `x`; `out` is [3][period]. The tail's elements are their own shifts.
template <class T>
void sum_part(const ChannelChunks& c, const T* x, std::int64_t i, float* out) {
  if (i < c.chunks)
    return sum_wide_pixels(x + i * c.per_chunk * c.period, c.pixels_of(i), c.period, out, out + c.period,
                           out + 2 * c.period);
  for (std::int64_t j = 0; j < 3 * c.period; j++) out[j] = j < c.tail ? float(x[c.wide * c.period + j]) : 0;
}

/// Parts [begin,end) of N * parts().
void sum_parts(const NormStats& a, const ChannelChunks& c, float* partials, std::int64_t begin, std::int64_t end) {
  const auto go = [&](auto t) {
    for (std::int64_t i = begin; i < end; i++)
      sum_part(c, a.x.as<decltype(t)>() + i / c.parts() * a.d.HW * a.d.C, i % c.parts(), partials + i * 3 * c.period);
  };
  visit_f32_bf16(a.dtype(), go);
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(sum_parts);

/// Elements behind lane j of part i.
double count_of(const ChannelChunks& c, std::int64_t i, std::int64_t j) {
  return i < c.chunks ? static_cast<double>(c.pixels_of(i)) : j < c.tail ? 1 : 0;
}

/// Calls f(part, its [3][period] sums, j) for each part of image n and lane [begin,end).
template <class F>
void for_each_part(const ChannelChunks& c, const float* partials, std::int64_t n, std::int64_t begin, std::int64_t end,
                   F&& f) {
  for (std::int64_t i = 0; i < c.parts(); i++) {
    const float* part = partials + (n * c.parts() + i) * 3 * c.period;
    for (std::int64_t j = begin; j < end; j++) f(i, part, j);
  }
}

/// totals[n][j] = sum of lane j's elements.
void add_lanes(const ChannelChunks& c, const float* partials, std::int64_t n, std::int64_t begin, std::int64_t end,
               double* totals) {
  std::fill(totals + begin, totals + end, 0.0);
  for_each_part(c, partials, n, begin, end, [&](std::int64_t i, const float* part, std::int64_t j) {
    totals[j] += count_of(c, i, j) * static_cast<double>(part[j]) + static_cast<double>(part[c.period + j]);
  });
}

/// deviations[j] = sum over lane j's elements of (x - mean)^2: Chan, Golub and LeVeque's rule for all parts at once,
/// each giving its own squared deviations and those of its mean.
void add_deviations(const ChannelChunks& c, const float* partials, std::int64_t n, std::int64_t begin, std::int64_t end,
                    const double* mean, double* deviations) {
  std::fill(deviations + begin, deviations + end, 0.0);
  for_each_part(c, partials, n, begin, end, [&](std::int64_t i, const float* part, std::int64_t j) {
    const double count = count_of(c, i, j), sum = static_cast<double>(part[c.period + j]);
    const double part_mean = sum / std::max(count, 1.0);
    const double own = static_cast<double>(part[2 * c.period + j]) - sum * part_mean;
    const double apart = static_cast<double>(part[j]) + part_mean - mean[j];
    deviations[j] += std::max(own, 0.0) + count * apart * apart;
  });
}

/// Adds every lane's number to its statistic.
void add_to_stats(const NormDims& d, std::int64_t period, const double* lanes, double* stats) {
  std::fill(stats, stats + d.stats(), 0.0);
  for (std::int64_t n = 0; n < d.N; n++)
    for_each_lane(d, n, [&](std::int64_t s, auto, std::int64_t j) { stats[s] += lanes[n * period + j]; });
}

}  // namespace

void norm_stats_shifted_sums(const NormStats& a, Context& ctx) {
  const NormDims& d = a.d;
  const ChannelChunks c(d);
  const std::int64_t lanes = d.N * c.period;
  const Scratch partials = ctx.scratch(static_cast<std::size_t>(d.N * c.parts() * 3 * c.period) * sizeof(float));
  const Scratch sums = ctx.scratch(static_cast<std::size_t>(2 * lanes + d.stats()) * sizeof(double));
  double *totals = sums.as<double>(), *mean = totals + lanes, *stats = mean + lanes;
  parallel_for(ctx, d.N * c.parts(), 1, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(sum_parts)(a, c, partials.as<float>(), begin, end);
  });
  const auto for_each_block = [&](auto&& f) {
    parallel_for(ctx, lanes / 16, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i++) f(i * 16 / c.period, i * 16 % c.period);
    });
  };
  for_each_block(
      [&](std::int64_t n, std::int64_t j) { add_lanes(c, partials.as<float>(), n, j, j + 16, totals + n * c.period); });
  add_to_stats(d, c.period, totals, stats);
  const auto elements = static_cast<double>(d.per_stat());
  for (std::int64_t s = 0; s < d.stats(); s++) store_param(a.mean, s, stats[s] / elements);
  for (std::int64_t n = 0; n < d.N; n++)
    for_each_lane(d, n, [&](std::int64_t s, auto, std::int64_t j) { mean[n * c.period + j] = stats[s] / elements; });
  for_each_block([&](std::int64_t n, std::int64_t j) {
    add_deviations(c, partials.as<float>(), n, j, j + 16, mean + n * c.period, totals + n * c.period);
  });
  add_to_stats(d, c.period, totals, stats);
  for (std::int64_t s = 0; s < d.stats(); s++) store_param(a.var, s, stats[s] / elements);
}

}  // namespace sumi
#endif
