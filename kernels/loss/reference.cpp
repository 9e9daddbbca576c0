#include "kernels/core/element.h"
#include "kernels/loss/rows.h"

namespace sumi {
namespace {

template <class T>
void total_variation(const TotalVariationForward& a) {
  const T* x = a.x.as<T>();
  const Dims4& d = a.d;
  double vertical = 0, horizontal = 0;
  visit_loss(loss_of_power(a.p), [&](auto f) {
    for (std::int64_t i = 0; i < d.count(); i++) {
      const std::int64_t w = i / d.C % d.W, h = i / d.C / d.W % d.H;
      if (h + 1 < d.H) vertical += loss_value<decltype(f)::value>(load(x, i + d.W * d.C) - load(x, i), 1.0);
      if (w + 1 < d.W) horizontal += loss_value<decltype(f)::value>(load(x, i + d.C) - load(x, i), 1.0);
    }
  });
  store_param(a.loss, 0, vertical * weight_of(vertical_pairs(d)) + horizontal * weight_of(horizontal_pairs(d)));
}

/// The gradient at pixel i from its neighbours `before` and `after` it along one axis, where they exist.
template <Loss F, class T>
double pull(const T* x, std::int64_t i, std::int64_t stride, bool before, bool after) {
  const double v = load(x, i);
  return (before ? loss_derivative<F>(v - load(x, i - stride), 1.0) : 0) -
         (after ? loss_derivative<F>(load(x, i + stride) - v, 1.0) : 0);
}

template <class T>
void total_variation_gradient(const TotalVariationBackward& a) {
  const T* x = a.x.as<T>();
  const Dims4& d = a.d;
  const double dloss = param(a.dloss, 0, 1);
  visit_loss(loss_of_power(a.p), [&](auto f) {
    constexpr Loss kF = decltype(f)::value;
    for (std::int64_t i = 0; i < d.count(); i++) {
      const std::int64_t w = i / d.C % d.W, h = i / d.C / d.W % d.H;
      const double vertical = pull<kF>(x, i, d.W * d.C, h > 0, h + 1 < d.H);
      const double horizontal = pull<kF>(x, i, d.C, w > 0, w + 1 < d.W);
      store(a.dx.as<T>(), i,
            dloss * (vertical * weight_of(vertical_pairs(d)) + horizontal * weight_of(horizontal_pairs(d))));
    }
  });
}

}  // namespace

void loss_forward_reference(const LossForward& a, Context&) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    double sum = 0;
    visit_loss(a.f, [&](auto f) {
      for (std::int64_t i = 0; i < a.n; i++)
        sum += loss_value<decltype(f)::value>(load(a.x.as<T>(), i) - load(a.target.as<T>(), i), a.delta);
    });
    store_param(a.loss, 0, sum / static_cast<double>(a.n));
  });
}

void loss_backward_reference(const LossBackward& a, Context&) {
  const double weight = param(a.dloss, 0, 1) / static_cast<double>(a.n);
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    visit_loss(a.f, [&](auto f) {
      for (std::int64_t i = 0; i < a.n; i++) {
        const double e = load(a.x.as<T>(), i) - load(a.target.as<T>(), i);
        store(a.dx.as<T>(), i, weight * loss_derivative<decltype(f)::value>(e, a.delta));
      }
    });
  });
}

void total_variation_forward_reference(const TotalVariationForward& a, Context&) {
  visit_float(a.dtype(), [&](auto t) { total_variation<decltype(t)>(a); });
}

void total_variation_backward_reference(const TotalVariationBackward& a, Context&) {
  visit_float(a.dtype(), [&](auto t) { total_variation_gradient<decltype(t)>(a); });
}

}  // namespace sumi
