// The functions behind the rows of the binary table.
#pragma once
#include "kernels/binary/binary.h"

namespace sumi {

/// f(a, b), written once for every row. NaN in either operand of maximum and minimum gives NaN.
template <BinaryOp F, class T>
inline T binary_value(T a, T b) {
  if constexpr (F == BinaryOp::add)
    return a + b;
  else if constexpr (F == BinaryOp::subtract)
    return a - b;
  else if constexpr (F == BinaryOp::multiply)
    return a * b;
  else if constexpr (F == BinaryOp::divide)
    return a / b;
  else if constexpr (F == BinaryOp::maximum)
    return a != a || a > b ? a : b;
  else if constexpr (F == BinaryOp::minimum)
    return a != a || a < b ? a : b;
  else
    return a > b ? T{1} : T{0};
}

/// Calls visit(std::integral_constant<BinaryOp, f>{}).
template <int I = 0, class V>
decltype(auto) visit_binary(BinaryOp f, V&& visit) {
  if constexpr (I < static_cast<int>(BinaryOp::greater))
    if (static_cast<int>(f) != I) return visit_binary<I + 1>(f, visit);
  return visit(std::integral_constant<BinaryOp, static_cast<BinaryOp>(I)>{});
}

/// The definition: computed in double whatever the storage type.
void binary_reference(const Binary& a, Context& ctx);

}  // namespace sumi
