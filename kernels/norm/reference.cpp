#include "kernels/norm/reference.h"

#include <cmath>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

/// The statistic that element (n, c) belongs to.
std::int64_t stat_of(const NormDims& d, std::int64_t n, std::int64_t c) {
  return (d.across_batch ? 0 : n) * d.groups + c / (d.C / d.groups);
}

/// Calls f(n, c, i) for the elements of statistic s, with i the index into [N,HW,C].
template <class F>
void for_each_element(const NormDims& d, std::int64_t s, F&& f) {
  const std::int64_t Cg = d.C / d.groups, c0 = s % d.groups * Cg;
  const std::int64_t n0 = d.across_batch ? 0 : s / d.groups, n1 = d.across_batch ? d.N : n0 + 1;
  for (std::int64_t n = n0; n < n1; n++)
    for (std::int64_t p = 0; p < d.HW; p++)
      for (std::int64_t c = c0; c < c0 + Cg; c++) f(n, c, (n * d.HW + p) * d.C + c);
}

template <class T>
void stats(const NormStats& a, Context& ctx) {
  const T* x = a.x.as<T>();
  const auto elements = static_cast<double>(a.d.per_stat());
  parallel_for(ctx, a.d.stats(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; s++) {
      double mean = 0, var = 0;
      for_each_element(a.d, s, [&](auto, auto, std::int64_t i) { mean += load(x, i); });
      mean /= elements;
      for_each_element(a.d, s, [&](auto, auto, std::int64_t i) { var += (load(x, i) - mean) * (load(x, i) - mean); });
      store_param(a.mean, s, mean);
      store_param(a.var, s, var / elements);
    }
  });
}

struct Moments {
  double mean = 0, var = 0;
};

/// Moments of a group from those of its channels, all over equally many pixels: the mean of the means, and the mean
/// variance plus the variance of the means.
Moments merge_channels(const NormFold& a, std::int64_t s) {
  const NormDims& d = a.d;
  const std::int64_t Cg = d.C / d.groups, c0 = s % d.groups * Cg;
  const std::int64_t n0 = d.across_batch ? 0 : s / d.groups, n1 = d.across_batch ? d.N : n0 + 1;
  Moments m;
  for (std::int64_t n = n0; n < n1; n++)
    for (std::int64_t c = c0; c < c0 + Cg; c++) m.mean += param(a.mean, n * d.C + c, 0);
  const auto parts = static_cast<double>((n1 - n0) * Cg);
  m.mean /= parts;
  for (std::int64_t n = n0; n < n1; n++)
    for (std::int64_t c = c0; c < c0 + Cg; c++) {
      const double apart = param(a.mean, n * d.C + c, 0) - m.mean;
      m.var += param(a.var, n * d.C + c, 0) + apart * apart;
    }
  m.var /= parts;
  return m;
}

/// The value before padding and enlarging.
template <class T>
double applied(const NormApply& a, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  const std::int64_t i = ((n * a.d.H + h) * a.d.W + w) * a.d.C + c, at = n * a.d.C + c;
  const double v = map_at(a.act, load(a.x.as<T>(), i) * param(a.scale, at, 1) + param(a.shift, at, 0), a.a);
  return a.residual ? v + load(a.residual.as<T>(), i) : v;
}

/// Where row (or column) i of the enlarged image lies between two of the small one.
struct Between {
  std::int64_t low, high;
  double weight;  // of `high`
};
Between between(Upsample u, std::int64_t i, std::int64_t n) {
  if (u == Upsample::none) return {i, i, 0};
  if (u == Upsample::nearest2) return {i / 2, i / 2, 0};
  const double at = std::max(0.0, (static_cast<double>(i) + 0.5) / 2 - 0.5);
  const auto low = static_cast<std::int64_t>(at);
  return {low, std::min(low + 1, n - 1), at - static_cast<double>(low)};
}

template <class T>
double enlarged(const NormApply& a, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  const Between v = between(a.upsample, h, a.d.H), u = between(a.upsample, w, a.d.W);
  const auto row = [&](std::int64_t at) {
    const double left = applied<T>(a, n, at, u.low, c);
    return u.weight == 0 ? left : left * (1 - u.weight) + applied<T>(a, n, at, u.high, c) * u.weight;
  };
  return v.weight == 0 ? row(v.low) : row(v.low) * (1 - v.weight) + row(v.high) * v.weight;
}

template <class T>
void apply(const NormApply& a, Context& ctx) {
  const Dims4 y = a.y_dims();
  parallel_for(ctx, y.N * y.H * y.W, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t h = padded_index(i / y.W % y.H - a.pad.top, a.up() * a.d.H, a.pad_mode);
      const std::int64_t w = padded_index(i % y.W - a.pad.left, a.up() * a.d.W, a.pad_mode), n = i / y.W / y.H;
      for (std::int64_t c = 0; c < y.C; c++)
        store(a.y.as<T>(), i * y.C + c, h < 0 || w < 0 ? 0 : enlarged<T>(a, n, h, w, c));
    }
  });
}

/// dy at x's size: what the positions of y that read a pixel add up to.
template <class T>
std::vector<double> folded(const NormBackward& a) {
  const Dims4 y = a.dy_dims();
  std::vector<double> sums(static_cast<std::size_t>(a.d.count()));
  for (std::int64_t i = 0; i < y.N * y.H * y.W; i++) {
    const std::int64_t h = padded_index(i / y.W % y.H - a.pad.top, a.up() * a.H(), a.pad_mode);
    const std::int64_t w = padded_index(i % y.W - a.pad.left, a.up() * a.W, a.pad_mode);
    const std::int64_t to = ((i / y.W / y.H * a.H() + h / a.up()) * a.W + w / a.up()) * y.C;
    for (std::int64_t c = 0; c < y.C && h >= 0 && w >= 0; c++)
      sums[static_cast<std::size_t>(to + c)] += load(a.dy.as<T>(), i * y.C + c);
  }
  return sums;
}

/// (x - mean) rstd of element i.
template <class T>
double xhat(const NormBackward& a, std::int64_t n, std::int64_t c, std::int64_t i) {
  const std::int64_t s = stat_of(a.d, n, c);
  return (load(a.x.as<T>(), i) - param(a.mean, s, 0)) / std::sqrt(param(a.var, s, 1) + a.eps);
}

/// du of element i: `dy`, folded, through the activation.
template <class T>
double activated(const NormBackward& a, const double* dy, std::int64_t n, std::int64_t c, std::int64_t i) {
  const double u = xhat<T>(a, n, c, i) * param(a.weight, c, 1) + param(a.bias, c, 0);
  return dy[i] * map_derivative_at(a.act, u, a.a);
}

template <class T>
void backward_input(const NormBackward& a, const double* dy, Context& ctx) {
  const auto elements = static_cast<double>(a.d.per_stat());
  parallel_for(ctx, a.d.stats(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; s++) {
      const double rstd = 1 / std::sqrt(param(a.var, s, 1) + a.eps);
      const auto g = [&](std::int64_t n, std::int64_t c, std::int64_t i) {
        return activated<T>(a, dy, n, c, i) * param(a.weight, c, 1);
      };
      double g_mean = 0, gx_mean = 0;
      if (!a.frozen)
        for_each_element(a.d, s, [&](std::int64_t n, std::int64_t c, std::int64_t i) {
          g_mean += g(n, c, i) / elements;
          gx_mean += g(n, c, i) * xhat<T>(a, n, c, i) / elements;
        });
      for_each_element(a.d, s, [&](std::int64_t n, std::int64_t c, std::int64_t i) {
        store(a.dx.as<T>(), i, rstd * (g(n, c, i) - g_mean - xhat<T>(a, n, c, i) * gx_mean));
      });
    }
  });
}

template <class T>
void backward_params(const NormBackward& a, const double* dy, Context& ctx) {
  parallel_for(ctx, a.d.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; c++) {
      double dweight = 0, dbias = 0;
      for (std::int64_t p = 0; p < a.d.N * a.d.HW; p++) {
        const std::int64_t n = p / a.d.HW, i = p * a.d.C + c;
        const double du = activated<T>(a, dy, n, c, i);
        dbias += du;
        dweight += du * xhat<T>(a, n, c, i);
      }
      if (a.dweight) store_param(a.dweight, c, dweight);
      if (a.dbias) store_param(a.dbias, c, dbias);
    }
  });
}

}  // namespace

void norm_stats_reference(const NormStats& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { stats<decltype(t)>(a, ctx); });
}

void norm_fold_reference(const NormFold& a, Context&) {
  const NormDims& d = a.d;
  std::vector<Moments> moments(static_cast<std::size_t>(d.stats()));
  for (std::int64_t s = 0; s < d.stats(); s++) {
    const Moments m = a.from_channels ? merge_channels(a, s) : Moments{param(a.mean, s, 0), param(a.var, s, 1)};
    moments[static_cast<std::size_t>(s)] = m;
    if (a.merged_mean) store_param(a.merged_mean, s, m.mean);
    if (a.merged_var) store_param(a.merged_var, s, m.var);
  }
  for (std::int64_t i = 0; i < d.N * d.C; i++) {
    const std::int64_t n = i / d.C, c = i % d.C;
    const Moments& m = moments[static_cast<std::size_t>(stat_of(d, n, c))];
    const double scale = param(a.weight, c, 1) / std::sqrt(m.var + a.eps);
    store_param(a.scale, i, scale);
    store_param(a.shift, i, param(a.bias, c, 0) - m.mean * scale);
  }
}

void norm_apply_reference(const NormApply& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { apply<decltype(t)>(a, ctx); });
}

void norm_backward_reference(const NormBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const std::vector<double> dy = folded<T>(a);
    if (a.dx) backward_input<T>(a, dy.data(), ctx);
    if (a.dweight || a.dbias) backward_params<T>(a, dy.data(), ctx);
    for (std::int64_t i = 0; a.dresidual && i < a.d.count(); i++)
      store(a.dresidual.as<T>(), i, dy[static_cast<std::size_t>(i)]);
  });
}

}  // namespace sumi
