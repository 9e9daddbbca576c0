#include <limits>
#include <vector>

#include "kernels/core/element.h"
#include "kernels/reduce/rows.h"

namespace sumi {
namespace {

/// How far one step along each axis moves in y: 0 along a reduced one.
Dims5 y_strides(const Reduce& a) {
  const Dims5 y = a.y_dims();
  Dims5 strides{};
  std::int64_t stride = 1;
  for (std::size_t i = y.size(); i-- > 0; stride *= y[i]) strides[i] = a.axes >> i & 1u ? 0 : stride;
  return strides;
}

template <class T>
void reduce(const Reduce& a) {
  const T* x = a.x.as<T>();
  const Dims5 step = y_strides(a);
  const auto [d0, d1, d2, d3, d4] = a.dims;
  const auto outputs = static_cast<std::size_t>(count(a.y_dims()));
  std::vector<double> y(outputs, a.f == Reduction::max ? -std::numeric_limits<double>::infinity() : 0.0);
  for (std::int64_t i = 0; i < d0 * d1 * d2 * d3 * d4; i++) {
    const std::int64_t at = i / (d1 * d2 * d3 * d4) * step[0] + i / (d2 * d3 * d4) % d1 * step[1] +
                            i / (d3 * d4) % d2 * step[2] + i / d4 % d3 * step[3] + i % d4 * step[4];
    double& sum = y[static_cast<std::size_t>(at)];
    const double v = load(x, i);
    if (a.f != Reduction::max)
      sum += v;
    else if (v > sum || v != v)  // a NaN once taken stays: nothing is greater
      sum = v;
  }
  for (std::size_t i = 0; i < outputs; i++) {
    const double v = a.f == Reduction::mean ? y[i] / a.reduction() : y[i];
    visit_float(a.y.dtype, [&](auto t) { store(a.y.as<decltype(t)>(), static_cast<std::int64_t>(i), v); });
  }
}

}  // namespace

void reduce_reference(const Reduce& a, Context&) {
  visit_float(a.dtype(), [&](auto t) { reduce<decltype(t)>(a); });
}

}  // namespace sumi
