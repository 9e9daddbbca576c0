#include "kernels/resample/separable.h"

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

}  // namespace

LineMaps resampled_lines(const Dims4& d, std::int64_t P, std::int64_t Q, Interpolation interpolation,
                         Coordinates coordinates) {
  return {resampled_line(d.H, P, interpolation, coordinates), resampled_line(d.W, Q, interpolation, coordinates)};
}

void resample_forward_separable(const ResampleForward& a, Context& ctx) {
  const LineMaps lines = resampled_lines(a.d, a.P, a.Q, a.interpolation, a.coordinates);
  separable_sum({lines, a.d.N, a.d.C}, a.x, a.y, 0, ctx);
}

void resample_backward_separable(const ResampleBackward& a, Context& ctx) {
  const LineMaps lines = resampled_lines(a.d, a.P, a.Q, a.interpolation, a.coordinates);
  separable_sum({transposed(lines), a.d.N, a.d.C}, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi
