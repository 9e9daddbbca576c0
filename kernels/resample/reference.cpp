#include "kernels/resample/reference.h"

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/resample/taps.h"

namespace sumi {
namespace {

/// Calls f(pixel of x, weight) for the pixels that pixel i of y is made of.
template <class Args, class F>
void for_each_tap(const Args& a, std::int64_t i, F&& f) {
  const ResampleTap v = resample_tap(i / a.Q % a.P, a.d.H, a.P, a.interpolation, a.coordinates);
  const ResampleTap u = resample_tap(i % a.Q, a.d.W, a.Q, a.interpolation, a.coordinates);
  const std::int64_t image = i / a.Q / a.P * a.d.H;
  const auto row = [&](std::int64_t h, double weight) {
    if (weight == 0) return;
    f((image + h) * a.d.W + u.low, weight * (1 - u.weight));
    if (u.weight != 0) f((image + h) * a.d.W + u.high, weight * u.weight);
  };
  row(v.low, 1 - v.weight);
  row(v.high, v.weight);
}

template <class T>
void forward(const ResampleForward& a, Context& ctx) {
  const std::int64_t C = a.d.C;
  parallel_for(ctx, a.d.N * a.P * a.Q, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++)
      for (std::int64_t c = 0; c < C; c++) {
        double sum = 0;
        for_each_tap(a, i, [&](std::int64_t at, double weight) { sum += weight * load(a.x.as<T>(), at * C + c); });
        store(a.y.as<T>(), i * C + c, sum);
      }
  });
}

template <class T>
void backward(const ResampleBackward& a, Context& ctx) {
  const std::int64_t C = a.d.C, pixels = a.P * a.Q;
  std::vector<double> sums(static_cast<std::size_t>(a.d.count()));
  parallel_for(ctx, a.d.N, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * pixels; i < end * pixels; i++)
      for_each_tap(a, i, [&](std::int64_t at, double weight) {
        for (std::int64_t c = 0; c < C; c++)
          sums[static_cast<std::size_t>(at * C + c)] += weight * load(a.dy.as<T>(), i * C + c);
      });
  });
  for (std::int64_t i = 0; i < a.d.count(); i++) store(a.dx.as<T>(), i, sums[static_cast<std::size_t>(i)]);
}

template <class T>
void shuffle(const PixelShuffle& a, Context& ctx) {
  const std::int64_t b = a.block, C = a.d.C / (b * b), W = a.d.W;
  parallel_for(ctx, a.d.N * a.d.H * b * W * b, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; pixel++) {
      const std::int64_t wide = pixel % (W * b), high = pixel / (W * b), i = high % b, j = wide % b;
      const std::int64_t from = ((high / b) * W + wide / b) * a.d.C;
      for (std::int64_t c = 0; c < C; c++) {
        const std::int64_t small = from + (c * b + i) * b + j, large = pixel * C + c;
        a.y.as<T>()[a.inverse ? small : large] = a.x.as<T>()[a.inverse ? large : small];
      }
    }
  });
}

}  // namespace

void resample_forward_reference(const ResampleForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { forward<decltype(t)>(a, ctx); });
}
void resample_backward_reference(const ResampleBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { backward<decltype(t)>(a, ctx); });
}
void pixel_shuffle_reference(const PixelShuffle& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { shuffle<decltype(t)>(a, ctx); });
}

}  // namespace sumi
