#include "kernels/map/map.h"

namespace sumi {
namespace {

/// Functions that want x > 0 are fed with it.
constexpr Fill domain(Map f) {
  return f == Map::sqrt || f == Map::rsqrt || f == Map::log || f == Map::power ? Fill::positive : Fill::gaussian;
}

}  // namespace

Operands MapForward::operands() { return {{"x", &x, n, Role::input, false, domain(f)}, {"y", &y, n, Role::output}}; }

Operands MapBackward::operands() {
  return {{"x", &x, n, Role::input, false, domain(f)}, {"dy", &dy, n, Role::input}, {"dx", &dx, n, Role::output}};
}

}  // namespace sumi
