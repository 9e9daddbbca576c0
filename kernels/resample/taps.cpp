#include "kernels/resample/taps.h"

namespace sumi {
namespace {

double coordinate(double i, double inputs, double outputs, Coordinates coordinates) {
  switch (coordinates) {
    case Coordinates::half_pixel:
      return std::max(0.0, (i + 0.5) * inputs / outputs - 0.5);
    case Coordinates::align_corners:
      return outputs > 1 ? i * (inputs - 1) / (outputs - 1) : 0;
    case Coordinates::asymmetric:
      break;
  }
  return i * inputs / outputs;
}

}  // namespace

ResampleTap resample_tap(std::int64_t i, std::int64_t inputs, std::int64_t outputs, Interpolation interpolation,
                         Coordinates coordinates) {
  if (interpolation == Interpolation::nearest) return {i * inputs / outputs, i * inputs / outputs, 0};
  const double at =
      coordinate(static_cast<double>(i), static_cast<double>(inputs), static_cast<double>(outputs), coordinates);
  const std::int64_t low = std::min(static_cast<std::int64_t>(at), inputs - 1), high = std::min(low + 1, inputs - 1);
  return {low, high, low == high ? 0 : at - static_cast<double>(low)};
}

}  // namespace sumi
