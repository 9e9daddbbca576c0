// Elementwise maps y = f(x) and their gradient dx = dy * f'(x).
#pragma once
#include <span>
#include <string>

#include "kernels/core/variant.h"
#include "kernels/map/functions.h"

namespace sumi {

/// y[i] = f(x[i]). May run in place (x.data == y.data).
struct MapForward {
  static constexpr std::string_view op = "map_forward";
  Map f = Map::identity;
  double a = 0;  // the function's parameter
  std::int64_t n = 0;
  TensorRef x, y;

  static Table<MapForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat(name_of(f), 'n', n); }
  Operands operands();
  double flops() const { return static_cast<double>(n); }
  double bytes() const { return 2.0 * static_cast<double>(n) * static_cast<double>(size_of(dtype())); }
};

/// dx[i] = dy[i] * f'(x[i]). May run in place (dy.data == dx.data).
struct MapBackward {
  static constexpr std::string_view op = "map_backward";
  Map f = Map::identity;
  double a = 0;
  std::int64_t n = 0;
  TensorRef x, dy, dx;

  static Table<MapBackward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return concat(name_of(f), 'n', n); }
  Operands operands();
  double flops() const { return 2.0 * static_cast<double>(n); }
  double bytes() const { return 3.0 * static_cast<double>(n) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
