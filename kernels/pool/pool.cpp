#include "kernels/pool/pool.h"

namespace sumi {

std::string PoolDims::key() const {
  std::string s = concat('N', N, 'H', H, 'W', W, 'C', C, 'R', R, 'S', S, 's', stride_h, 'x', stride_w);
  if (pad != Pad4{}) s += concat('p', pad.top, '_', pad.bottom, '_', pad.left, '_', pad.right);
  return s + (ceil_mode ? "ceil" : "") + (count_include_pad ? "" : "inside");
}

Operands PoolForward::operands() { return {{"x", &x, d.x_count(), Role::input}, {"y", &y, d.y_count(), Role::output}}; }

Operands PoolBackward::operands() {
  return {{"x", &x, d.x_count(), Role::input, false, Fill::gaussian, pooling == Pooling::average},
          {"dy", &dy, d.y_count(), Role::input},
          {"dx", &dx, d.x_count(), Role::output}};
}

}  // namespace sumi
