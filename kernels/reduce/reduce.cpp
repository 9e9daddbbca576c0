#include "kernels/reduce/reduce.h"

#include <utility>

#include "kernels/reduce/rows.h"

namespace sumi {

Dims5 Reduce::y_dims() const {
  Dims5 y = dims;
  for (std::size_t i = 0; i < y.size(); i++)
    if (axes >> i & 1u) y[i] = 1;
  return y;
}

ReduceView view_of(const Reduce& a) {
  ReduceView v;
  bool reduced = false, after = false;  // whether a reduced axis was seen, and a kept one after it
  for (std::size_t i = 0; i < a.dims.size(); i++) {
    if (a.dims[i] == 1) continue;
    if (a.axes >> i & 1u) {
      v.exists &= !after;
      reduced = true;
      v.R *= a.dims[i];
    } else {
      after = reduced;
      (reduced ? v.I : v.O) *= a.dims[i];
    }
  }
  if (!reduced) std::swap(v.O, v.I);
  return v;
}

std::string Reduce::key() const {
  constexpr std::string_view names[] = {"sum", "mean", "max"};
  return concat(names[static_cast<int>(f)], '_', dims[0], 'x', dims[1], 'x', dims[2], 'x', dims[3], 'x', dims[4],
                "axes", axes);
}

Operands Reduce::operands() { return {{"x", &x, count(dims), Role::input}, {"y", &y, count(y_dims()), Role::output}}; }

}  // namespace sumi
