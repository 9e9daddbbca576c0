// Elementwise functions of two tensors with broadcasting.
#pragma once
#include <array>
#include <string>

#include "kernels/core/variant.h"

namespace sumi {

/// What is done with a pair of elements. maximum and minimum pass NaN on.
enum class BinaryOp : std::uint8_t { add, subtract, multiply, divide, maximum, minimum, greater };

/// Shapes of rank 5, leading ones added; a side of 1 is broadcast.
using Dims5 = std::array<std::int64_t, 5>;
/// Elements of that shape.
constexpr std::int64_t count(const Dims5& d) { return d[0] * d[1] * d[2] * d[3] * d[4]; }
Dims5 broadcast(const Dims5& a, const Dims5& b);  // throws Error naming both where a side differs and neither is 1

/// y = a op b. greater gives 1 or 0. May run in place (a.data == y.data) where a has y's shape.
struct Binary {
  static constexpr std::string_view op = "binary";
  BinaryOp f = BinaryOp::add;
  Dims5 a_dims{1, 1, 1, 1, 1}, b_dims{1, 1, 1, 1, 1};
  TensorRef a, b, y;

  static Table<Binary> table();
  DType dtype() const { return a.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return static_cast<double>(count(broadcast(a_dims, b_dims))); }
  double bytes() const;
};

}  // namespace sumi
