#include "gan/unit.h"

namespace sumi {

std::int64_t width_in(const StateDict* state, std::string_view name, int axis, std::int64_t fallback) {
  if (!state) return fallback;
  const auto found = state->find(name);
  check(found != state->end(), "tensor '", name, "' is missing");
  const Shape& shape = found->second.shape();
  // Widths decide what is allocated, so they are bounded before anything is: no published network exceeds 512.
  check(shape.rank() == 4 && shape[axis] >= 1 && shape[axis] <= 512, "tensor '", name,
        "': expected a filter of 1 to 512 channels, got shape ", shape);
  return shape[axis];
}

}  // namespace sumi
