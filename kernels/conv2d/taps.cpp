#include "kernels/conv2d/taps.h"

namespace sumi {
namespace {

/// One axis of a convolution: `size` inputs, `out` outputs.
struct AxisDims {
  std::int64_t size, out, filter;
  int stride, dilation, pad;
};

AxisDims rows_of(const Conv2dDims& d) { return {d.H, d.P(), d.R, d.stride_h, d.dilation_h, d.pad.top}; }
AxisDims columns_of(const Conv2dDims& d) { return {d.W, d.Q(), d.S, d.stride_w, d.dilation_w, d.pad.left}; }

Axis forward_axis(const AxisDims& d) {
  Axis axis{d.size, d.out, d.filter, d.pad, (d.out - 1) * d.stride + (d.filter - 1) * d.dilation + 1, d.stride, 1, {}};
  Phase phase{0, d.out, {}};
  for (std::int64_t r = 0; r < d.filter; r++) phase.taps.push_back({r * d.dilation, r});
  axis.phases.push_back(std::move(phase));
  return axis;
}

/// Input gradient: x position h = first + stride * i collects dy position (h + pad - r * dilation) / stride wherever
/// that divides: i plus a constant per r.
Axis transposed_axis(const AxisDims& d) {
  Axis axis{d.out, d.size, d.filter, 0, 0, 1, d.stride, {}};
  std::int64_t lowest = 0;
  for (std::int64_t first = 0; first < std::min<std::int64_t>(d.stride, d.size); first++) {
    Phase phase{first, (d.size - first + d.stride - 1) / d.stride, {}};
    for (std::int64_t r = d.filter - 1; r >= 0; r--) {
      const std::int64_t position = first + d.pad - r * d.dilation;
      if (position % d.stride == 0) phase.taps.push_back({position / d.stride, r});
    }
    if (!phase.taps.empty()) lowest = std::min(lowest, phase.taps.front().offset);
    axis.phases.push_back(std::move(phase));
  }
  axis.before = -lowest;
  for (Phase& p : axis.phases)
    for (Tap& t : p.taps) {
      t.offset -= lowest;
      axis.extent = std::max(axis.extent, p.count + t.offset);
    }
  return axis;
}

}  // namespace

std::int64_t Axis::steps() const {
  std::int64_t n = 0;
  for (const Phase& p : phases) n = std::max(n, p.count);
  return n;
}

std::int64_t Axis::max_taps() const {
  std::size_t n = 0;
  for (const Phase& p : phases) n = std::max(n, p.taps.size());
  return static_cast<std::int64_t>(n);
}

std::int64_t Axis::reach() const {
  std::int64_t n = 1;
  for (const Phase& p : phases)
    if (!p.taps.empty()) n = std::max(n, p.taps.back().offset + 1);
  return n;
}

TapConv taps_of(const Conv2dForward& a) {
  const Conv2dDims& d = a.d;
  return {
      d.N, d.C, d.K,        d.groups,  forward_axis(rows_of(d)), forward_axis(columns_of(d)), d.pad_mode, false, a.x,
      a.w, a.y, a.prologue, a.epilogue};
}

TapConv taps_of(const Conv2dBackwardInput& a) {
  const Conv2dDims& d = a.d;
  return {d.N,
          d.K,
          d.C,
          d.groups,
          transposed_axis(rows_of(d)),
          transposed_axis(columns_of(d)),
          PadMode::zero,
          true,
          a.dy,
          a.w,
          a.dx,
          a.prologue,
          a.epilogue};
}

TapConv taps_of(const Conv2dBackwardWeight& a) {
  const Conv2dDims& d = a.d;
  return {d.N, d.C, d.K, d.groups, forward_axis(rows_of(d)), forward_axis(columns_of(d)), d.pad_mode, false, a.x,
          {},  {},  {},  {}};
}

}  // namespace sumi
