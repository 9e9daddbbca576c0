#include "kernels/random/random.h"

#include "kernels/core/element.h"

namespace sumi {

Operands RandomFill::operands() {
  return {{"clock", &clock, 1, Role::input, true, Fill::whole, true}, {"y", &y, n, Role::output}};
}

std::uint32_t RandomFill::step_now() const { return clock ? static_cast<std::uint32_t>(param(clock, 0, 0)) : step; }

}  // namespace sumi
