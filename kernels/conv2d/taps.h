// A convolution, or the transpose of one, as taps on a padded image: the form that the engine's own CPU rows run.
#pragma once
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace sumi {

/// Filter element `index` along one axis reads padded position i * in_step + offset for output number i of its phase.
struct Tap {
  std::int64_t offset, index;
};

/// Outputs first, first + out_step, ...: all of them read through the same taps (ascending offsets, perhaps none).
struct Phase {
  std::int64_t first, count;
  std::vector<Tap> taps;
};

/// Rows or columns. A forward convolution has one phase; the transpose of one with stride s has s phases with
/// in_step 1, each a dense stride-1 convolution with 1/s of the taps: no multiplications by inserted zeros.
struct Axis {
  std::int64_t in, out, filter;
  std::int64_t before;  // padded position 0 is input position -before
  std::int64_t extent;  // padded positions that any tap reads
  std::int64_t in_step, out_step;
  std::vector<Phase> phases;

  /// Outputs of the longest phase.
  std::int64_t steps() const;
  std::int64_t max_taps() const;
  /// Padded positions that one output step reads: the largest offset + 1.
  std::int64_t reach() const;
  /// Whether a tap reads outside the image.
  bool padded() const { return before > 0 || extent - before > in; }
};

/// y[.., k] = epilogue(sum over taps and c of prologue(x)[.., c] * filter): C input and K output channels.
struct TapConv {
  std::int64_t N, C, K, groups;
  Axis h, w;
  PadMode mode;
  bool transposed;  // the filter is [C, R, S, K/groups] instead of [K, R, S, C/groups]
  TensorRef x, filter, y;
  Prologue prologue;
  Epilogue epilogue;

  std::int64_t Cg() const { return C / groups; }
  std::int64_t Kg() const { return K / groups; }
  /// Where the filter element for output channel k and channel c (of k's group) stands.
  std::int64_t filter_index(std::int64_t k, std::int64_t r, std::int64_t s, std::int64_t c) const {
    if (!transposed) return ((k * h.filter + r) * w.filter + s) * Cg() + c;
    return ((((k / Kg()) * Cg() + c) * h.filter + r) * w.filter + s) * Kg() + k % Kg();
  }
};

TapConv taps_of(const Conv2dForward& a);
TapConv taps_of(const Conv2dBackwardInput& a);
/// Only x, the axes and the padding: what a weight gradient reads.
TapConv taps_of(const Conv2dBackwardWeight& a);

}  // namespace sumi
