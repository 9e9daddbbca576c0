// Padding copies, and its gradient adds up at most 9 positions: see core/separable.cu.
#include "kernels/pad/separable.h"

namespace sumi::cuda {

void pad_forward_separable(const PadForward& a, Context& ctx) {
  separable_sum(
      PadForward::op, a.key(), [&] { return padded_lines(a.d, a.pad, a.mode); }, a.d.N, a.d.C, a.x, a.y,
      static_cast<float>(a.value), ctx);
}

void pad_backward_separable(const PadBackward& a, Context& ctx) {
  separable_sum(
      PadBackward::op, a.key(), [&] { return transposed(padded_lines(a.d, a.pad, a.mode)); }, a.d.N, a.d.C, a.dy, a.dx,
      0, ctx);
}

}  // namespace sumi::cuda
