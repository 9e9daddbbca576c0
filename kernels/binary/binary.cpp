#include "kernels/binary/binary.h"

#include "kernels/binary/rows.h"

namespace sumi {
namespace {

constexpr std::string_view kNames[] = {"add", "subtract", "multiply", "divide", "maximum", "minimum", "greater"};

std::string text(const Dims5& d) { return concat(d[0], 'x', d[1], 'x', d[2], 'x', d[3], 'x', d[4]); }

}  // namespace

Dims5 broadcast(const Dims5& a, const Dims5& b) {
  Dims5 y;
  for (std::size_t i = 0; i < y.size(); i++) {
    check(a[i] == b[i] || a[i] == 1 || b[i] == 1, "broadcast: expected equal sides or 1, got ", text(a), " and ",
          text(b));
    y[i] = a[i] == 1 ? b[i] : a[i];
  }
  return y;
}

BinaryWalk::BinaryWalk(const Dims5& a, const Dims5& b) {
  const Dims5 y = broadcast(a, b);
  std::int64_t stride_a = 1, stride_b = 1;
  bool first = true, last_a = false, last_b = false;
  for (std::size_t k = y.size(); k-- > 0;) {
    if (y[k] == 1) continue;
    const bool moves_a = a[k] != 1, moves_b = b[k] != 1;
    if (!first && moves_a == last_a && moves_b == last_b) {
      (axes == 0 ? inner : outer[static_cast<std::size_t>(axes - 1)].side) *= y[k];
    } else if (first) {
      inner = y[k], step_a = moves_a, step_b = moves_b, first = false;
    } else {
      outer[static_cast<std::size_t>(axes++)] = {y[k], moves_a ? stride_a : 0, moves_b ? stride_b : 0};
    }
    last_a = moves_a, last_b = moves_b;
    stride_a *= a[k], stride_b *= b[k];
  }
}

std::string Binary::key() const { return concat(kNames[static_cast<int>(f)], '_', text(a_dims), '_', text(b_dims)); }

Operands Binary::operands() {
  return {{"a", &a, count(a_dims), Role::input},
          {"b", &b, count(b_dims), Role::input},
          {"y", &y, count(broadcast(a_dims, b_dims)), Role::output}};
}

double Binary::bytes() const {
  return static_cast<double>(count(a_dims) + count(b_dims) + count(broadcast(a_dims, b_dims))) *
         static_cast<double>(size_of(dtype()));
}

}  // namespace sumi
