#include <cmath>

#include "kernels/core/element.h"
#include "kernels/optimizer/rows.h"

namespace sumi {
namespace {

/// Kingma & Ba 2015, algorithm 1, and Loshchilov & Hutter 2019, algorithm 2.
void adam(const OptimizerStep& o, const ParameterSlot& s, std::int64_t i) {
  double w = param(s.w, i, 0), g = param(s.g, i, 0), m = param(s.m, i, 0), v = param(s.v, i, 0);
  const double t = static_cast<double>(o.step);
  if (o.update == Update::adam)
    g += o.weight_decay * w;
  else
    w -= o.lr * o.weight_decay * w;
  m = o.beta1 * m + (1 - o.beta1) * g;
  v = o.beta2 * v + (1 - o.beta2) * g * g;
  const double m_hat = m / (1 - std::pow(o.beta1, t)), v_hat = v / (1 - std::pow(o.beta2, t));
  store_param(s.w, i, w - o.lr * m_hat / (std::sqrt(v_hat) + o.eps));
  store_param(s.m, i, m);
  store_param(s.v, i, v);
}

/// The first step fills the momentum buffer with the gradient itself.
void sgd(const OptimizerStep& o, const ParameterSlot& s, std::int64_t i) {
  const double w = param(s.w, i, 0);
  double g = param(s.g, i, 0) + o.weight_decay * w;
  if (o.momentum != 0) {
    const double m = o.step == 1 ? g : o.momentum * param(s.m, i, 0) + g;
    store_param(s.m, i, m);
    g = o.nesterov ? g + o.momentum * m : m;
  }
  store_param(s.w, i, w - o.lr * g);
}

}  // namespace

void optimizer_step_reference(const OptimizerStep& o, Context&) {
  for (const ParameterSlot& s : o.slots) {
    for (std::int64_t i = 0; i < s.n; i++) o.update == Update::sgd ? sgd(o, s, i) : adam(o, s, i);
    if (!s.copy) continue;
    visit_float(s.copy.dtype, [&](auto t) {
      for (std::int64_t i = 0; i < s.n; i++) store(s.copy.as<decltype(t)>(), i, param(s.w, i, 0));
    });
  }
}

}  // namespace sumi
