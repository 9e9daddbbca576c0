#include "kernels/pad/separable.h"

#include "kernels/core/separable.h"

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

template <class Args>
LineMap row_map(const Args& a) {
  return padded_line(a.d.H, a.y_dims().H, a.pad.top, a.mode);
}
template <class Args>
LineMap column_map(const Args& a) {
  return padded_line(a.d.W, a.y_dims().W, a.pad.left, a.mode);
}

}  // namespace

void pad_forward_separable(const PadForward& a, Context& ctx) {
  const SeparableMap map(row_map(a), column_map(a), a.d.N, a.d.C);
  separable_sum(map, a.x, a.y, static_cast<float>(a.value), ctx);
}

void pad_backward_separable(const PadBackward& a, Context& ctx) {
  const SeparableMap map(transposed(row_map(a)), transposed(column_map(a)), a.d.N, a.d.C);
  separable_sum(map, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi
