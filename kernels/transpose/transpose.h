// Matrices with rows and columns exchanged.
#pragma once
#include <string>

#include "kernels/core/variant.h"

namespace sumi {

/// y[b,j,i] = x[b,i,j]: x is [batch, rows, columns], y [batch, columns, rows] of the same dtype. Every value arrives
/// as it is, infinities and NaN included.
struct Transpose {
  static constexpr std::string_view op = "transpose";
  static constexpr bool linear = true;
  std::int64_t batch = 1, rows = 1, columns = 1;
  TensorRef x, y;

  static Table<Transpose> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat('B', batch, 'R', rows, 'C', columns); }
  std::int64_t count() const { return batch * rows * columns; }
  Operands operands() { return {{"x", &x, count(), Role::input}, {"y", &y, count(), Role::output}}; }
  double flops() const { return 0; }
  double bytes() const { return 2 * static_cast<double>(count()) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
