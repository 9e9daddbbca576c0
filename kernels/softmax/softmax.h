// Softmax over the last axis.
#pragma once
#include <string>

#include "kernels/core/variant.h"

namespace sumi {

/// y[r,c] = exp(x[r,c] - max_r) / sum; with `log`, its logarithm.
struct SoftmaxForward {
  static constexpr std::string_view op = "softmax_forward";
  std::int64_t rows = 1, columns = 1;
  bool log = false;
  TensorRef x, y;

  static Table<SoftmaxForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat('r', rows, 'c', columns, log ? "log" : ""); }
  Operands operands();
  double flops() const { return 5.0 * static_cast<double>(rows * columns); }
  double bytes() const { return 2.0 * static_cast<double>(rows * columns) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return static_cast<double>(columns); }
};

/// dx = y (dy - sum(dy y)); with `log`, dx = dy - exp(y) sum(dy).
struct SoftmaxBackward {
  static constexpr std::string_view op = "softmax_backward";
  std::int64_t rows = 1, columns = 1;
  bool log = false;
  TensorRef y, dy, dx;

  static Table<SoftmaxBackward> table();
  DType dtype() const { return y.dtype; }
  std::string key() const { return concat('r', rows, 'c', columns, log ? "log" : ""); }
  Operands operands();
  double flops() const { return 4.0 * static_cast<double>(rows * columns); }
  double bytes() const { return 3.0 * static_cast<double>(rows * columns) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return static_cast<double>(columns); }
};

}  // namespace sumi
