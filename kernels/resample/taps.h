// Which two rows (or columns) of the image an output row lies between, in each coordinate convention.
#pragma once
#include <vector>

#include "kernels/resample/resample.h"

namespace sumi {

struct Tap {
  std::int64_t low = 0, high = 0;
  double weight = 0;  // of `high`; `low` weighs 1 - weight
};

/// The taps of output index i, 0 <= i < outputs, in a line of `inputs` pixels. Nearest: low == high.
Tap resample_tap(std::int64_t i, std::int64_t inputs, std::int64_t outputs, Interpolation interpolation,
                 Coordinates coordinates);

/// All of them, i = 0 .. outputs - 1. `low` never falls as i grows.
std::vector<Tap> resample_taps(std::int64_t inputs, std::int64_t outputs, Interpolation interpolation,
                               Coordinates coordinates);

}  // namespace sumi
