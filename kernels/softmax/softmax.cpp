#include "kernels/softmax/softmax.h"

namespace sumi {

Operands SoftmaxForward::operands() {
  return {{"x", &x, rows * columns, Role::input}, {"y", &y, rows * columns, Role::output}};
}

Operands SoftmaxBackward::operands() {
  // The softmax lies in (0, 1), its logarithm below 0; any sign exercises the latter.
  return {{"y", &y, rows * columns, Role::input, false, log ? Fill::gaussian : Fill::unit},
          {"dy", &dy, rows * columns, Role::input},
          {"dx", &dx, rows * columns, Role::output}};
}

}  // namespace sumi
