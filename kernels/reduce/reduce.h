// Sums, means and maxima over chosen axes.
#pragma once
#include <string>

#include "kernels/binary/binary.h"
#include "kernels/core/variant.h"

namespace sumi {

/// What a group of elements becomes; NaN wins a maximum.
enum class Reduction : std::uint8_t { sum, mean, max };

/// y = reduction of x over the axes whose bit is set in `axes` (bit 0 is dims[0]); they become 1 in y.
/// Sums accumulate in f32 at least, in a fixed order whatever the thread count.
struct Reduce {
  static constexpr std::string_view op = "reduce";
  static constexpr bool linear = false;
  Reduction f = Reduction::sum;
  Dims5 dims{1, 1, 1, 1, 1};
  unsigned axes = 0;
  TensorRef x, y;

  static Table<Reduce> table();
  Dims5 y_dims() const;
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return static_cast<double>(count(dims)); }
  double bytes() const { return static_cast<double>(count(dims)) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return static_cast<double>(count(dims)) / static_cast<double>(count(y_dims())); }
};

}  // namespace sumi
