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

std::vector<ReduceView> passes_of(const Reduce& a) {
  std::vector<std::pair<std::int64_t, bool>> axes;  // side, whether it is reduced; neighbours alike are merged
  for (std::size_t i = 0; i < a.dims.size(); i++) {
    if (a.dims[i] == 1) continue;
    const bool reduced = a.axes >> i & 1u;
    if (!axes.empty() && axes.back().second == reduced)
      axes.back().first *= a.dims[i];
    else
      axes.emplace_back(a.dims[i], reduced);
  }
  std::vector<ReduceView> passes;
  std::int64_t kept = 1;
  for (std::size_t k = axes.size(); k-- > 0;) {
    if (!axes[k].second) {
      kept *= axes[k].first;
      continue;
    }
    ReduceView v{.R = axes[k].first, .I = kept};
    for (std::size_t before = 0; before < k; before++) v.O *= axes[before].first;
    passes.push_back(v);
  }
  if (passes.empty()) passes.push_back({.I = kept});
  return passes;
}

ReduceView view_of(const Reduce& a) {
  const auto passes = passes_of(a);
  ReduceView v = passes.front();
  v.exists = passes.size() == 1;
  return v;
}

std::string Reduce::key() const {
  constexpr std::string_view names[] = {"sum", "mean", "max"};
  return concat(names[static_cast<int>(f)], '_', dims[0], 'x', dims[1], 'x', dims[2], 'x', dims[3], 'x', dims[4],
                "axes", axes);
}

Operands Reduce::operands() { return {{"x", &x, count(dims), Role::input}, {"y", &y, count(y_dims()), Role::output}}; }

}  // namespace sumi
