// Random tensors from Philox4x32-10: the same numbers on every device, at every thread count.
#pragma once
#include <string>

#include "kernels/core/variant.h"
#include "kernels/random/philox.h"

namespace sumi {

/// Uniform from low to high, or normal with mean and deviation.
enum class Distribution : std::uint8_t { uniform, normal };

/// y[i] = low + (high-low) u, or mean + std g (Box-Muller), from the Philox block i/4 of (seed, stream, step).
/// `low`/`high` are mean/std for normal.
struct RandomFill {
  static constexpr std::string_view op = "random_fill";
  static constexpr bool same_bits = true;  // from every row
  Distribution distribution = Distribution::uniform;
  double low = 0, high = 1;
  std::uint64_t seed = 0;
  std::uint32_t stream = 0, step = 0;
  std::int64_t n = 0;
  /// Optional, [1] f32 (f64 in tests): a whole number below 2^24, read when the row runs, in place of `step`, which
  /// stands in a captured graph for good.
  TensorRef clock;
  TensorRef y;

  static Table<RandomFill> table();
  DType dtype() const { return y.dtype; }
  /// Where `clock` lies in host memory, or is absent.
  std::uint32_t step_now() const;
  std::string key() const { return concat(distribution == Distribution::uniform ? "uniform" : "normal", 'n', n); }
  Operands operands();
  double flops() const { return 20.0 * static_cast<double>(n); }
  double bytes() const { return static_cast<double>(n) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
