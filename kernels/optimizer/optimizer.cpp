#include "kernels/optimizer/optimizer.h"

#include <cmath>

#include "kernels/optimizer/element.h"

namespace sumi {

UpdateFactors::UpdateFactors(const OptimizerStep& o)
    : decay(static_cast<float>(o.weight_decay)),
      momentum(static_cast<float>(o.momentum)),
      beta1(static_cast<float>(o.beta1)),
      rest1(static_cast<float>(1 - o.beta1)),
      beta2(static_cast<float>(o.beta2)),
      rest2(static_cast<float>(1 - o.beta2)),
      eps(static_cast<float>(o.eps)) {
  const StepSchedule s = o.scheduled();
  const float values[] = {static_cast<float>(s.lr), static_cast<float>(s.shrink), static_cast<float>(s.rate),
                          static_cast<float>(s.root), static_cast<float>(s.average)};
  take(values);
}

StepSchedule OptimizerStep::scheduled() const {
  const auto t = static_cast<double>(step);
  return {lr, lr * weight_decay, lr / (1 - std::pow(beta1, t)), 1 / std::sqrt(1 - std::pow(beta2, t)), 1 - ema_decay};
}

std::int64_t OptimizerStep::count() const {
  std::int64_t n = 0;
  for (const ParameterSlot& s : slots) n += s.n;
  return n;
}

std::string OptimizerStep::key() const {
  constexpr std::string_view names[] = {"sgd", "adam", "adamw"};
  return concat(names[static_cast<int>(update)], update == Update::sgd && momentum != 0 ? "_momentum" : "",
                nesterov ? "_nesterov" : "", weight_decay != 0 ? "_decay" : "", "_step", step, "slots", slots.size(),
                'n', count());
}

Operands OptimizerStep::operands() {
  Operands list;
  for (ParameterSlot& s : slots) {
    list.push_back({"w", &s.w, s.n, Role::inout});
    list.push_back({"g", &s.g, s.n, Role::input});
    if (update != Update::sgd || momentum != 0) list.push_back({"m", &s.m, s.n, Role::inout});
    if (update != Update::sgd) list.push_back({"v", &s.v, s.n, Role::inout, false, Fill::positive});
    list.push_back({"copy", &s.copy, s.n, Role::output, false, Fill::gaussian, true});
    list.push_back({"ema", &s.ema, s.n, Role::inout, false, Fill::gaussian, true});
  }
  list.push_back({"schedule", &schedule, StepSchedule::count, Role::input, true, Fill::unit, true});
  return list;
}

}  // namespace sumi
