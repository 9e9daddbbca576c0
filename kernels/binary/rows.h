// The functions behind the rows of the binary table.
#pragma once
#include "kernels/binary/binary.h"
#include "kernels/map/elementary.h"

namespace sumi {

/// f(a, b), written once for every row. NaN in either operand of maximum and minimum gives NaN.
template <BinaryOp F, class T>
SUMI_HD T binary_value(T a, T b) {
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
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <int I = 0, class V>
SUMI_HD decltype(auto) visit_binary(BinaryOp f, V&& visit) {
  if constexpr (I < static_cast<int>(BinaryOp::greater))
    if (static_cast<int>(f) != I) return visit_binary<I + 1>(f, visit);
  return visit(std::integral_constant<BinaryOp, static_cast<BinaryOp>(I)>{});
}

/// The definition: computed in double whatever the storage type.
void binary_reference(const Binary& a, Context& ctx);

/// How both operands are walked: neighbouring axes on which each is alike repeated or not are merged; the last merged
/// axis is the inner one.
struct BinaryWalk {
  std::int64_t inner = 1, step_a = 0, step_b = 0;  // steps along the inner axis: 0 or 1
  struct Axis {
    std::int64_t side, stride_a, stride_b;
  };
  std::array<Axis, 5> outer{};  // innermost first
  int axes = 0;

  BinaryWalk(const Dims5& a, const Dims5& b);
  /// Where row `r` (one run of the inner axis) starts in a and b.
  std::pair<std::int64_t, std::int64_t> row(std::int64_t r) const {
    std::int64_t at_a = 0, at_b = 0;
    for (int k = 0; k < axes; k++) {
      const Axis& x = outer[static_cast<std::size_t>(k)];
      at_a += r % x.side * x.stride_a, at_b += r % x.side * x.stride_b;
      r /= x.side;
    }
    return {at_a, at_b};
  }
};

/// One pass in single precision.
void binary_vectorized(const Binary& a, Context& ctx);

namespace cuda {

/// 16 bytes of the result a thread.
void binary_vectorized(const Binary& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
