#include "kernels/pool/separable.h"

#include <limits>

#include "kernels/pool/window.h"

namespace sumi {
namespace {

/// Along one side: the average over each window, or (all weights 1) its pixels for a maximum.
template <class WindowOf>
LineMap windows(Pooling pooling, bool count_include_pad, std::int64_t inputs, std::int64_t outputs,
                WindowOf&& window_of) {
  LineMap m{.inputs = inputs};
  for (std::int64_t i = 0; i < outputs; i++) {
    const Window w = window_of(i);
    const std::int64_t over = count_include_pad ? w.padded : std::max<std::int64_t>(1, w.end - w.begin);
    const float weight = pooling == Pooling::max ? 1.f : 1.f / static_cast<float>(over);
    for (std::int64_t at = w.begin; at < w.end; at++) m.add(at, weight);
    m.end_output();
  }
  return m;
}

}  // namespace

LineMaps window_lines(Pooling pooling, const PoolDims& d) {
  return {windows(pooling, d.count_include_pad, d.H, d.P(), [&](std::int64_t p) { return window_rows(d, p); }),
          windows(pooling, d.count_include_pad, d.W, d.Q(), [&](std::int64_t q) { return window_columns(d, q); })};
}

void pool_forward_separable(const PoolForward& a, Context& ctx) {
  const SeparableMap map(window_lines(a.pooling, a.d), a.d.N, a.d.C);
  if (a.pooling == Pooling::max)
    separable_max(map, a.x, a.y, -std::numeric_limits<float>::infinity(), ctx);
  else
    separable_sum(map, a.x, a.y, 0, ctx);
}

void pool_backward_separable(const PoolBackward& a, Context& ctx) {
  separable_sum({transposed(window_lines(a.pooling, a.d)), a.d.N, a.d.C}, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi
