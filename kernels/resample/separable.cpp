#include "kernels/resample/separable.h"

#include "kernels/core/separable.h"
#include "kernels/resample/taps.h"

namespace sumi {
namespace {

LineMap resampled_line(std::int64_t inputs, std::int64_t outputs, Interpolation interpolation,
                       Coordinates coordinates) {
  LineMap m{.inputs = inputs};
  for (std::int64_t i = 0; i < outputs; i++) {
    const ResampleTap t = resample_tap(i, inputs, outputs, interpolation, coordinates);
    m.add(t.low, static_cast<float>(1 - t.weight));
    if (t.weight != 0) m.add(t.high, static_cast<float>(t.weight));
    m.end_output();
  }
  return m;
}

template <class Args>
LineMap row_map(const Args& a) {
  return resampled_line(a.d.H, a.P, a.interpolation, a.coordinates);
}
template <class Args>
LineMap column_map(const Args& a) {
  return resampled_line(a.d.W, a.Q, a.interpolation, a.coordinates);
}

}  // namespace

void resample_forward_separable(const ResampleForward& a, Context& ctx) {
  separable_sum({row_map(a), column_map(a), a.d.N, a.d.C}, a.x, a.y, 0, ctx);
}

void resample_backward_separable(const ResampleBackward& a, Context& ctx) {
  separable_sum({transposed(row_map(a)), transposed(column_map(a)), a.d.N, a.d.C}, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi
