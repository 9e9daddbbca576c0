#include <cmath>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/softmax/rows.h"

namespace sumi {
namespace {

template <class T>
void forward_row(const T* x, T* y, std::int64_t columns, bool log) {
  double largest = load(x, 0), sum = 0;
  for (std::int64_t c = 1; c < columns; c++) largest = std::max(largest, load(x, c));
  for (std::int64_t c = 0; c < columns; c++) sum += std::exp(load(x, c) - largest);
  for (std::int64_t c = 0; c < columns; c++) {
    const double v = load(x, c) - largest;
    store(y, c, log ? v - std::log(sum) : std::exp(v) / sum);
  }
}

template <class T>
void backward_row(const T* y, const T* dy, T* dx, std::int64_t columns, bool log) {
  double sum = 0;
  for (std::int64_t c = 0; c < columns; c++) sum += load(dy, c) * (log ? 1 : load(y, c));
  for (std::int64_t c = 0; c < columns; c++)
    store(dx, c, log ? load(dy, c) - std::exp(load(y, c)) * sum : load(y, c) * (load(dy, c) - sum));
}

}  // namespace

void softmax_forward_reference(const SoftmaxForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.columns > 0 ? a.rows : 0, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; r++)
        forward_row(a.x.as<T>() + r * a.columns, a.y.as<T>() + r * a.columns, a.columns, a.log);
    });
  });
}

void softmax_backward_reference(const SoftmaxBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; r++)
        backward_row(a.y.as<T>() + r * a.columns, a.dy.as<T>() + r * a.columns, a.dx.as<T>() + r * a.columns, a.columns,
                     a.log);
    });
  });
}

}  // namespace sumi
