#include "kernels/random/random.h"

namespace sumi {

Operands RandomFill::operands() { return {{"y", &y, n, Role::output}}; }

}  // namespace sumi
