#include "kernels/conv2d/reference.h"

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

/// One value at load.
double load_mapped(double v, const Prologue& p, std::int64_t image_channel) {
  if (!p) return v;
  return map_at<double>(p.act, v * param(p.scale, image_channel, 1) + param(p.shift, image_channel, 0), p.a);
}

/// One sum at store; `i` is its index in the output, c its channel.
template <class T>
void store_finished(double sum, const Epilogue& e, T* y, std::int64_t i, std::int64_t c) {
  sum += param(e.bias, c, 0);
  if (e.residual) sum += load(e.residual.as<T>(), i);
  store(y, i, map_at<double>(e.act, sum, e.a));
}

/// Mean and variance of each (image, channel) of the stored output: two passes.
template <class T>
void store_moments(const Epilogue& e, const T* y, std::int64_t images, std::int64_t pixels, std::int64_t channels) {
  if (!e.mean) return;
  for (std::int64_t n = 0; n < images; n++)
    for (std::int64_t c = 0; c < channels; c++) {
      double mean = 0, var = 0;
      for (std::int64_t i = 0; i < pixels; i++) mean += load(y, (n * pixels + i) * channels + c);
      mean /= static_cast<double>(pixels);
      for (std::int64_t i = 0; i < pixels; i++) {
        const double v = load(y, (n * pixels + i) * channels + c) - mean;
        var += v * v;
      }
      store_param(e.mean, n * channels + c, mean);
      store_param(e.var, n * channels + c, var / static_cast<double>(pixels));
    }
}

/// The index in x that tap (r, s) of output pixel (n, p, q) reads for input channel c, or -1 for a padding zero.
std::int64_t tap_index(const Conv2dDims& d, std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t r,
                       std::int64_t s, std::int64_t c) {
  const std::int64_t h = padded_index(p * d.stride_h + r * d.dilation_h - d.pad.top, d.H, d.pad_mode);
  const std::int64_t w = padded_index(q * d.stride_w + s * d.dilation_w - d.pad.left, d.W, d.pad_mode);
  return h < 0 || w < 0 ? -1 : ((n * d.H + h) * d.W + w) * d.C + c;
}

template <class T>
void forward(const Conv2dForward& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  const T *x = a.x.as<T>(), *w = a.w.as<T>();
  parallel_for(ctx, d.N * d.P() * d.Q(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t q = i % d.Q(), p = i / d.Q() % d.P(), n = i / d.Q() / d.P();
      for (std::int64_t k = 0; k < d.K; k++) {
        double sum = 0;
        for (std::int64_t r = 0; r < d.R; r++)
          for (std::int64_t s = 0; s < d.S; s++)
            for (std::int64_t c = 0; c < d.Cg(); c++) {
              const std::int64_t channel = k / d.Kg() * d.Cg() + c, at = tap_index(d, n, p, q, r, s, channel);
              if (at >= 0)
                sum += load_mapped(load(x, at), a.prologue, n * d.C + channel) *
                       load(w, ((k * d.R + r) * d.S + s) * d.Cg() + c);
            }
        store_finished(sum, a.epilogue, a.y.as<T>(), i * d.K + k, k);
      }
    }
  });
  store_moments(a.epilogue, a.y.as<T>(), d.N, d.P() * d.Q(), d.K);
}

/// The gather form of the transpose: pixel (h, w) collects from every (p, q, r, s) that reads it.
template <class T>
void backward_input(const Conv2dBackwardInput& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  check(d.pad_mode == PadMode::zero, Conv2dBackwardInput::op, ": only zero padding, got ", name_of(d.pad_mode));
  const T *dy = a.dy.as<T>(), *filter = a.w.as<T>();
  parallel_for(ctx, d.N * d.H * d.W, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t w = i % d.W, h = i / d.W % d.H, n = i / d.W / d.H;
      for (std::int64_t c = 0; c < d.C; c++) {
        double sum = 0;
        for (std::int64_t r = 0; r < d.R; r++)
          for (std::int64_t s = 0; s < d.S; s++) {
            const std::int64_t ph = h + d.pad.top - r * d.dilation_h, qw = w + d.pad.left - s * d.dilation_w;
            const std::int64_t p = ph / d.stride_h, q = qw / d.stride_w;
            if (ph < 0 || qw < 0 || ph % d.stride_h || qw % d.stride_w || p >= d.P() || q >= d.Q()) continue;
            for (std::int64_t j = 0; j < d.Kg(); j++) {
              const std::int64_t k = c / d.Cg() * d.Kg() + j, at = ((n * d.P() + p) * d.Q() + q) * d.K + k;
              sum += load_mapped(load(dy, at), a.prologue, n * d.K + k) *
                     load(filter, ((k * d.R + r) * d.S + s) * d.Cg() + c % d.Cg());
            }
          }
        store_finished(sum, a.epilogue, a.dx.as<T>(), i * d.C + c, c);
      }
    }
  });
  store_moments(a.epilogue, a.dx.as<T>(), d.N, d.H * d.W, d.C);
}

template <class T>
void store_bias_gradient(const Conv2dBackwardWeight& a) {
  if (!a.dbias) return;
  for (std::int64_t k = 0; k < a.d.K; k++) {
    double sum = 0;
    for (std::int64_t i = 0; i < a.d.N * a.d.P() * a.d.Q(); i++) sum += load(a.dy.as<T>(), i * a.d.K + k);
    store_param(a.dbias, k, sum);
  }
}

template <class T>
void backward_weight(const Conv2dBackwardWeight& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  const T *x = a.x.as<T>(), *dy = a.dy.as<T>();
  parallel_for(ctx, d.w_count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t c = i % d.Cg(), s = i / d.Cg() % d.S, r = i / d.Cg() / d.S % d.R, k = i / d.Cg() / d.S / d.R;
      double sum = 0;
      for (std::int64_t n = 0; n < d.N; n++)
        for (std::int64_t p = 0; p < d.P(); p++)
          for (std::int64_t q = 0; q < d.Q(); q++) {
            const std::int64_t at = tap_index(d, n, p, q, r, s, k / d.Kg() * d.Cg() + c);
            if (at >= 0) sum += load(x, at) * load(dy, ((n * d.P() + p) * d.Q() + q) * d.K + k);
          }
      if (a.dw.dtype == a.x.dtype)
        store(a.dw.as<T>(), i, sum);
      else
        store_param(a.dw, i, sum);
    }
  });
  store_bias_gradient<T>(a);
}

}  // namespace

void conv2d_forward_reference(const Conv2dForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { forward<decltype(t)>(a, ctx); });
}
void conv2d_backward_input_reference(const Conv2dBackwardInput& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { backward_input<decltype(t)>(a, ctx); });
}
void conv2d_backward_weight_reference(const Conv2dBackwardWeight& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { backward_weight<decltype(t)>(a, ctx); });
}

}  // namespace sumi
