// At most 4 inputs an output forward; backward, as many as the scales make: see core/separable.cu.
#include "kernels/resample/separable.h"

namespace sumi::cuda {

void resample_forward_separable(const ResampleForward& a, Context& ctx) {
  const auto lines = [&] { return resampled_lines(a.d, a.P, a.Q, a.interpolation, a.coordinates); };
  separable_sum(ResampleForward::op, a.key(), lines, a.d.N, a.d.C, a.x, a.y, 0, ctx);
}

void resample_backward_separable(const ResampleBackward& a, Context& ctx) {
  const auto lines = [&] { return transposed(resampled_lines(a.d, a.P, a.Q, a.interpolation, a.coordinates)); };
  separable_sum(ResampleBackward::op, a.key(), lines, a.d.N, a.d.C, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi::cuda
