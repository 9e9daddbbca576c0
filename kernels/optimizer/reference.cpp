#include <cmath>

#include "kernels/core/element.h"
#include "kernels/optimizer/rows.h"

namespace sumi {
namespace {

StepSchedule schedule_of(const OptimizerStep& o) {
  if (!o.schedule) return o.scheduled();
  const auto at = [&](std::int64_t i) { return param(o.schedule, i, 0); };
  return {at(0), at(1), at(2), at(3), at(4)};
}

/// Kingma & Ba 2015, algorithm 1, and Loshchilov & Hutter 2019, algorithm 2.
void adam(const OptimizerStep& o, const StepSchedule& now, const ParameterSlot& s, std::int64_t i) {
  double w = param(s.w, i, 0), g = param(s.g, i, 0), m = param(s.m, i, 0), v = param(s.v, i, 0);
  if (o.update == Update::adam)
    g += o.weight_decay * w;
  else
    w -= now.shrink * w;
  m = o.beta1 * m + (1 - o.beta1) * g;
  v = o.beta2 * v + (1 - o.beta2) * g * g;
  store_param(s.w, i, w - now.rate * m / (std::sqrt(v) * now.root + o.eps));
  store_param(s.m, i, m);
  store_param(s.v, i, v);
}

/// The first step fills the momentum buffer with the gradient itself.
void sgd(const OptimizerStep& o, const StepSchedule& now, const ParameterSlot& s, std::int64_t i) {
  const double w = param(s.w, i, 0);
  double g = param(s.g, i, 0) + o.weight_decay * w;
  if (o.momentum != 0) {
    const double m = o.fills_momentum() ? g : o.momentum * param(s.m, i, 0) + g;
    store_param(s.m, i, m);
    g = o.nesterov ? g + o.momentum * m : m;
  }
  store_param(s.w, i, w - now.lr * g);
}

}  // namespace

void optimizer_step_reference(const OptimizerStep& o, Context&) {
  const StepSchedule now = schedule_of(o);
  for (const ParameterSlot& s : o.slots) {
    for (std::int64_t i = 0; i < s.n; i++) o.update == Update::sgd ? sgd(o, now, s, i) : adam(o, now, s, i);
    for (std::int64_t i = 0; s.ema && i < s.n; i++) {
      const double before = param(s.ema, i, 0);
      store_param(s.ema, i, before + now.average * (param(s.w, i, 0) - before));
    }
    if (!s.copy) continue;
    visit_float(s.copy.dtype, [&](auto t) {
      for (std::int64_t i = 0; i < s.n; i++) store(s.copy.as<decltype(t)>(), i, param(s.w, i, 0));
    });
  }
}

}  // namespace sumi
