#include "kernels/cast/cast.h"

namespace sumi {

Operands Cast::operands() { return {{"x", &x, n, Role::input}, {"y", &y, n, Role::output}}; }

}  // namespace sumi
