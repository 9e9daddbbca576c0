#include "kernels/norm/channel_sums.h"

#include <cmath>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/activations.h"
#include "kernels/norm/channels.h"
#include "kernels/norm/separable.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/channel_sums.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/core/separable-inl.h"
#include "kernels/norm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

/// What an image's lanes share: of each pattern, element j is that of channel j % C.
struct ImageLanes {
  std::int64_t period;
  const float *mean, *gain, *bias, *slope, *offset;
  float a;
};

ImageLanes lanes_of(const NormBackward& b, const float* patterns, std::int64_t n) {
  const std::int64_t size = pattern_size(b.d.C);
  const float* mean = patterns + n * kGradientPatterns * size;
  return {channel_period(b.d.C),  mean, mean + size, mean + 2 * size, mean + 3 * size, mean + 4 * size,
          static_cast<float>(b.a)};
}

/// du = dy act'(u), where u = d gain + bias and d = x - mean, from `phase` on.
template <Map kAct>
HWY_INLINE FloatVector activated(FloatVector dy, FloatVector d, const ImageLanes& l, std::int64_t phase) {
  if constexpr (kAct == Map::identity) return dy;
  const auto u = hn::MulAdd(d, load_vector(l.gain + phase), load_vector(l.bias + phase));
  return through<kAct>(dy, u, constant(l.a));
}

/// plain[j] = sum of du, product[j] = sum of du (x - mean[j]) over wide pixels.
template <Map kAct, class T>
void sum_gradients(const T* x, const T* dy, std::int64_t pixels, const ImageLanes& l, float* plain, float* product) {
  const std::int64_t step = lanes(), period = l.period;
  for (std::int64_t j = 0; j < 2 * period; j += step) store_vector(hn::Zero(FloatTag()), plain + j);
  std::int64_t p = 0;
  for (; p + 2 <= pixels; p += 2)
    for (std::int64_t j = 0; j < period; j += step) {
      const std::int64_t i = p * period + j, k = i + period;
      const auto base = load_vector(l.mean + j);
      const auto d0 = hn::Sub(load_vector(x + i), base), d1 = hn::Sub(load_vector(x + k), base);
      const auto g0 = activated<kAct>(load_vector(dy + i), d0, l, j);
      const auto g1 = activated<kAct>(load_vector(dy + k), d1, l, j);
      store_vector(hn::Add(load_vector(plain + j), hn::Add(g0, g1)), plain + j);
      store_vector(hn::Add(load_vector(product + j), hn::MulAdd(g0, d0, hn::Mul(g1, d1))), product + j);
    }
  for (; p < pixels; p++)
    for (std::int64_t j = 0; j < period; j += step) {
      const auto d = hn::Sub(load_vector(x + p * period + j), load_vector(l.mean + j));
      const auto g = activated<kAct>(load_vector(dy + p * period + j), d, l, j);
      store_vector(hn::Add(load_vector(plain + j), g), plain + j);
      store_vector(hn::MulAdd(g, d, load_vector(product + j)), product + j);
    }
}

/// Part i of an image: out is [2][period].
template <Map kAct, class T>
void gradient_part(const ChannelChunks& c, const T* x, const T* dy, std::int64_t i, const ImageLanes& l, float* out) {
  const std::int64_t first = i * c.per_chunk * c.period, rest = c.wide * c.period;
  if (i < c.chunks) return sum_gradients<kAct>(x + first, dy + first, c.pixels_of(i), l, out, out + c.period);
  for (std::int64_t j = 0; j < c.period; j += lanes()) {
    const std::int64_t count = std::clamp<std::int64_t>(c.tail - j, 0, lanes());
    const auto d = hn::Sub(load_part(x + rest + j, count), load_vector(l.mean + j));
    const auto g = activated<kAct>(load_part(dy + rest + j, count), d, l, j);
    store_vector(g, out + j);
    store_vector(hn::Mul(g, d), out + c.period + j);
  }
}

/// Parts [begin,end) of N * parts().
void gradient_parts(const NormBackward& a, const ChannelChunks& c, const float* patterns, float* partials,
                    std::int64_t begin, std::int64_t end) {
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_activation(a.act, [&](auto act) {
      using T = decltype(t);
      for (std::int64_t i = begin; i < end; i++) {
        const std::int64_t n = i / c.parts(), image = n * a.d.HW * a.d.C;
        gradient_part<decltype(act)::value>(c, a.x.as<T>() + image, a.dy.as<T>() + image, i % c.parts(),
                                            lanes_of(a, patterns, n), partials + i * 2 * c.period);
      }
    });
  });
}

/// dx = gain du + slope (x - mean) + offset, per channel; without x (null, and no activation) the middle term is left
/// out. x - mean comes first: slope x and slope mean alone would cancel where the mean is large.
template <class T, Map kAct>
struct GradientLoad {
  const T *x, *dy;
  ImageLanes l;
  std::int64_t period;
  HWY_INLINE FloatVector gradient(FloatVector g, std::int64_t phase) const {
    return hn::MulAdd(g, load_vector(l.gain + phase), load_vector(l.offset + phase));
  }
  HWY_INLINE FloatVector with_x(FloatVector v, FloatVector g, std::int64_t phase) const {
    const auto d = hn::Sub(v, load_vector(l.mean + phase));
    return hn::MulAdd(d, load_vector(l.slope + phase), gradient(activated<kAct>(g, d, l, phase), phase));
  }
  HWY_INLINE FloatVector whole(std::int64_t j, std::int64_t phase) const {
    const auto g = load_vector(dy + j);
    return x ? with_x(load_vector(x + j), g, phase) : gradient(g, phase);
  }
  HWY_INLINE FloatVector part(std::int64_t j, std::int64_t phase, std::int64_t count) const {
    const auto g = load_part(dy + j, count);
    return x ? with_x(load_part(x + j, count), g, phase) : gradient(g, phase);
  }
};

/// Elements [begin,end) of image n.
void write_gradients(const NormBackward& a, const float* patterns, std::int64_t n, std::int64_t begin,
                     std::int64_t end) {
  const bool stream = a.d.count() * static_cast<std::int64_t>(size_of(a.dtype())) >= kStreamBytes;
  const bool without_x = a.frozen && a.act == Map::identity;
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_activation(a.act, [&](auto act) {
      using T = decltype(t);
      const std::int64_t image = n * a.d.HW * a.d.C;
      const GradientLoad<T, decltype(act)::value> load{without_x ? nullptr : a.x.as<T>() + image, a.dy.as<T>() + image,
                                                       lanes_of(a, patterns, n), channel_period(a.d.C)};
      map_span(load, begin, end, a.dx.as<T>() + image + begin, stream);
    });
  });
  if (stream) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(gradient_parts);
HWY_EXPORT(write_gradients);

/// Images whose x and dy stay in the last-level cache between the two passes.
constexpr std::int64_t kCachedBytes = 8 << 20;

class Backward {
 public:
  /// args.dy has x's size.
  Backward(const NormBackward& args, Context& context)
      : a(args),
        d(args.d),
        c(args.d),
        ctx(context),
        floats(ctx.scratch(static_cast<std::size_t>(pattern_floats() + partial_floats()) * sizeof(float))),
        doubles(ctx.scratch(static_cast<std::size_t>(2 * d.N * c.period + 3 * d.stats()) * sizeof(double))) {
    for (std::int64_t s = 0; s < d.stats(); s++) rstd()[s] = 1 / std::sqrt(param(a.var, s, 1) + a.eps);
    for (std::int64_t n = 0; n < d.N; n++) {
      fill(n, 0, [&](std::int64_t s, std::int64_t) { return param(a.mean, s, 0); });
      fill(n, 1, [&](std::int64_t s, std::int64_t j) { return rstd()[s] * param(a.weight, j, 1); });
      fill(n, 2, [&](std::int64_t, std::int64_t j) { return param(a.bias, j, 0); });
    }
  }

  /// before(n0, n1) provides dy of images [n0,n1).
  template <class F>
  void run(F&& before) {
    const bool sums = (a.dx && !a.frozen) || a.dweight || a.dbias;
    const std::int64_t image = d.HW * d.C * static_cast<std::int64_t>(2 * size_of(a.dtype()));
    const std::int64_t block = d.across_batch ? d.N : std::max<std::int64_t>(1, kCachedBytes / image);
    for (std::int64_t n0 = 0; n0 < d.N; n0 += block) {
      const std::int64_t n1 = std::min(d.N, n0 + block);
      before(n0, n1);
      if (sums) add_up(n0, n1);
      if (a.dx) fold_and_write(n0, n1);
    }
    if (a.dweight || a.dbias) store_params();
  }

 private:
  std::int64_t pattern_floats() const { return d.N * kGradientPatterns * pattern_size(d.C); }
  std::int64_t partial_floats() const { return d.N * c.parts() * 2 * c.period; }
  /// which: 0 mean, 1 gain, 2 bias, 3 slope, 4 offset.
  float* pattern(std::int64_t n, std::int64_t which) const {
    return floats.as<float>() + (n * kGradientPatterns + which) * pattern_size(d.C);
  }
  /// The numbers value(statistic, channel) of image n.
  template <class F>
  void fill(std::int64_t n, std::int64_t which, F&& value) {
    fill_pattern(pattern(n, which), d.C,
                 [&](std::int64_t j) { return static_cast<float>(value(stat_of_lane(d, n, j), j)); });
  }
  float* partials() const { return floats.as<float>() + pattern_floats(); }
  double* plain(std::int64_t n) const { return doubles.as<double>() + n * c.period; }            // sum of du
  double* product(std::int64_t n) const { return doubles.as<double>() + (d.N + n) * c.period; }  // of du (x - mean)
  double* rstd() const { return doubles.as<double>() + 2 * d.N * c.period; }
  double* g_mean() const { return rstd() + d.stats(); }
  double* gx_mean() const { return g_mean() + d.stats(); }

  /// The sums of images [n0,n1), per lane.
  void add_up(std::int64_t n0, std::int64_t n1) {
    parallel_for(ctx, (n1 - n0) * c.parts(), 1, [&](std::int64_t begin, std::int64_t end) {
      HWY_DYNAMIC_DISPATCH(gradient_parts)
      (a, c, floats.as<float>(), partials(), n0 * c.parts() + begin, n0 * c.parts() + end);
    });
    parallel_for(ctx, n1 - n0, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = n0 + begin; n < n0 + end; n++) {
        std::fill(plain(n), plain(n) + c.period, 0.0);
        std::fill(product(n), product(n) + c.period, 0.0);
        for (std::int64_t i = 0; i < c.parts(); i++) {
          const float* part = partials() + (n * c.parts() + i) * 2 * c.period;
          for (std::int64_t j = 0; j < c.period; j++) plain(n)[j] += static_cast<double>(part[j]);
          for (std::int64_t j = 0; j < c.period; j++) product(n)[j] += static_cast<double>(part[c.period + j]);
        }
      }
    });
  }

  /// g_mean = mean(g), gx_mean = mean(g xhat) of each statistic that images [n0,n1) share.
  void fold_sums(std::int64_t n0, std::int64_t n1) {
    const auto elements = static_cast<double>(d.per_stat());
    const std::int64_t first = stat_of_lane(d, n0, 0), last = stat_of_lane(d, n1 - 1, d.C - 1) + 1;
    std::fill(g_mean() + first, g_mean() + last, 0.0);
    std::fill(gx_mean() + first, gx_mean() + last, 0.0);
    for (std::int64_t n = n0; n < n1 && !a.frozen; n++)
      for_each_lane(d, n, [&](std::int64_t s, std::int64_t channel, std::int64_t j) {
        const double weight = param(a.weight, channel, 1);
        g_mean()[s] += weight * plain(n)[j] / elements;
        gx_mean()[s] += weight * rstd()[s] * product(n)[j] / elements;
      });
  }

  void fold_and_write(std::int64_t n0, std::int64_t n1) {
    fold_sums(n0, n1);
    for (std::int64_t n = n0; n < n1; n++) {
      fill(n, 3, [&](std::int64_t s, std::int64_t) { return -rstd()[s] * rstd()[s] * gx_mean()[s]; });
      fill(n, 4, [&](std::int64_t s, std::int64_t) { return -rstd()[s] * g_mean()[s]; });
    }
    const std::int64_t image = d.HW * d.C, piece = 16384, pieces = (image + piece - 1) / piece;
    parallel_for(ctx, (n1 - n0) * pieces, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i++) {
        const std::int64_t from = i % pieces * piece;
        HWY_DYNAMIC_DISPATCH(write_gradients)
        (a, floats.as<float>(), n0 + i / pieces, from, std::min(image, from + piece));
      }
    });
  }

  void store_params() {
    const Scratch sums = ctx.scratch(static_cast<std::size_t>(2 * d.C) * sizeof(double));
    double *dweight = sums.as<double>(), *dbias = dweight + d.C;
    std::fill(dweight, dbias + d.C, 0.0);
    for (std::int64_t n = 0; n < d.N; n++)
      for_each_lane(d, n, [&](std::int64_t s, std::int64_t channel, std::int64_t j) {
        dweight[channel] += rstd()[s] * product(n)[j];
        dbias[channel] += plain(n)[j];
      });
    for (std::int64_t channel = 0; channel < d.C; channel++) {
      if (a.dweight) store_param(a.dweight, channel, dweight[channel]);
      if (a.dbias) store_param(a.dbias, channel, dbias[channel]);
    }
  }

  const NormBackward& a;
  const NormDims& d;
  ChannelChunks c;
  Context& ctx;
  Scratch floats, doubles;
};

}  // namespace

/// What dy folds to is dresidual, or as large. It is written just before the sums of as many images as stay cached.
void norm_backward_channel_sums(const NormBackward& a, Context& ctx) {
  if (!a.resized() && !a.dresidual) return Backward(a, ctx).run([](auto, auto) {});
  const std::size_t bytes = static_cast<std::size_t>(a.d.count()) * size_of(a.dtype());
  const Scratch own = ctx.scratch(a.dresidual ? 0 : bytes);
  NormBackward folded = a;
  folded.dy = a.dresidual ? a.dresidual : TensorRef{own.as<void>(), a.dtype()};
  const LineMaps lines = transposed(resized_lines(a.H(), a.W, a.upsample, a.pad, a.pad_mode));
  const auto images_from = [&](const TensorRef& t, std::int64_t n, std::int64_t count) {
    return TensorRef{t.as<char>() + n * count / a.d.N * static_cast<std::int64_t>(size_of(t.dtype)), t.dtype};
  };
  Backward(folded, ctx).run([&](std::int64_t n0, std::int64_t n1) {
    separable_sum({lines, n1 - n0, a.d.C}, images_from(a.dy, n0, a.dy_dims().count()),
                  images_from(folded.dy, n0, a.d.count()), 0, ctx);
  });
}

}  // namespace sumi
#endif
