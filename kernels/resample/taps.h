// Which two rows (or columns) of the image an output row lies between, in each coordinate convention.
#pragma once
#include "kernels/resample/resample.h"

namespace sumi {

struct ResampleTap {
  std::int64_t low = 0, high = 0;
  double weight = 0;  // of `high`; `low` weighs 1 - weight
};

/// The taps of output index i, 0 <= i < outputs, in a line of `inputs` pixels. Nearest: low == high.
ResampleTap resample_tap(std::int64_t i, std::int64_t inputs, std::int64_t outputs, Interpolation interpolation,
                         Coordinates coordinates);

}  // namespace sumi
