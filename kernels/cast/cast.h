// Conversion between dtypes, with an affine on the way: pictures to tensors and back.
#pragma once
#include <string>

#include "kernels/core/variant.h"

namespace sumi {

/// y[i] = convert(x[i] * scale + shift). To u8: rounded to nearest even and clamped to 0..255, NaN becomes 0.
struct Cast {
  static constexpr std::string_view op = "cast";
  std::int64_t n = 0;
  double scale = 1, shift = 0;
  TensorRef x, y;

  static Table<Cast> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat(name_of(x.dtype), "to", name_of(y.dtype), 'n', n); }
  Operands operands();
  /// The shift as rows add it: -0 for none, so that a negative zero keeps its sign.
  double offset() const { return shift == 0 ? -0.0 : shift; }
  double flops() const { return 2.0 * static_cast<double>(n); }
  double bytes() const { return static_cast<double>(n) * static_cast<double>(size_of(x.dtype) + size_of(y.dtype)); }
};

}  // namespace sumi
