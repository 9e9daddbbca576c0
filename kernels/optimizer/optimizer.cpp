#include "kernels/optimizer/optimizer.h"

namespace sumi {

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
  }
  return list;
}

}  // namespace sumi
