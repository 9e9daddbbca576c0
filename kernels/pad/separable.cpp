#include "kernels/pad/separable.h"

namespace sumi {
namespace {

LineMap padded_line(std::int64_t n, std::int64_t outputs, std::int64_t before, PadMode mode) {
  LineMap m{.inputs = n};
  for (std::int64_t i = 0; i < outputs; i++) {
    if (const std::int64_t at = padded_index(i - before, n, mode); at >= 0) m.add(at, 1);
    m.end_output();
  }
  return m;
}

}  // namespace

LineMaps padded_lines(const Dims4& d, const Pad4& p, PadMode mode) {
  return {padded_line(d.H, d.H + p.top + p.bottom, p.top, mode),
          padded_line(d.W, d.W + p.left + p.right, p.left, mode)};
}

void pad_forward_separable(const PadForward& a, Context& ctx) {
  separable_sum({padded_lines(a.d, a.pad, a.mode), a.d.N, a.d.C}, a.x, a.y, static_cast<float>(a.value), ctx);
}

void pad_backward_separable(const PadBackward& a, Context& ctx) {
  separable_sum({transposed(padded_lines(a.d, a.pad, a.mode)), a.d.N, a.d.C}, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi
