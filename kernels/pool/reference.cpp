#include "kernels/pool/reference.h"

#include <cmath>
#include <limits>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/pool/window.h"

namespace sumi {
namespace {

/// The first maximum of a window in row order; a NaN is larger than everything. at is -1 for an empty window.
struct Maximum {
  double value = -std::numeric_limits<double>::infinity();
  std::int64_t at = -1;
};

/// Calls f(index into x) over the window's pixels in row order.
template <class F>
void for_each_pixel(const PoolDims& d, std::int64_t n, const Window& rows, const Window& columns, F&& f) {
  for (std::int64_t h = rows.begin; h < rows.end; h++)
    for (std::int64_t w = columns.begin; w < columns.end; w++) f(((n * d.H + h) * d.W + w) * d.C);
}

template <class T>
Maximum maximum(const T* x, const PoolDims& d, std::int64_t n, const Window& rows, const Window& columns,
                std::int64_t c) {
  Maximum m;
  for_each_pixel(d, n, rows, columns, [&](std::int64_t at) {
    const double v = load(x, at + c);
    if (m.at < 0 || v > m.value || (std::isnan(v) && !std::isnan(m.value))) m = {v, at + c};
  });
  return m;
}

template <class T>
void forward(const PoolForward& a, Context& ctx) {
  const PoolDims& d = a.d;
  const T* x = a.x.as<T>();
  parallel_for(ctx, d.N * d.P() * d.Q(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t n = i / d.Q() / d.P();
      const Window rows = window_rows(d, i / d.Q() % d.P()), columns = window_columns(d, i % d.Q());
      for (std::int64_t c = 0; c < d.C; c++) {
        double sum = 0;
        if (a.pooling == Pooling::average)
          for_each_pixel(d, n, rows, columns, [&](std::int64_t at) { sum += load(x, at + c); });
        store(a.y.as<T>(), i * d.C + c,
              a.pooling == Pooling::max ? maximum(x, d, n, rows, columns, c).value
                                        : sum / static_cast<double>(divisor(d, rows, columns)));
      }
    }
  });
}

template <class T>
void backward(const PoolBackward& a, Context& ctx) {
  const PoolDims& d = a.d;
  const std::int64_t P = d.P(), Q = d.Q();
  std::vector<double> sums(static_cast<std::size_t>(d.x_count()));
  const auto add = [&](std::int64_t at, double v) { sums[static_cast<std::size_t>(at)] += v; };
  parallel_for(ctx, d.N, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * P * Q; i < end * P * Q; i++) {
      const std::int64_t n = i / Q / P;
      const Window rows = window_rows(d, i / Q % P), columns = window_columns(d, i % Q);
      for (std::int64_t c = 0; c < d.C; c++) {
        const double dy = load(a.dy.as<T>(), i * d.C + c);
        if (a.pooling == Pooling::average) {
          const double share = dy / static_cast<double>(divisor(d, rows, columns));
          for_each_pixel(d, n, rows, columns, [&](std::int64_t at) { add(at + c, share); });
        } else if (const Maximum m = maximum(a.x.as<T>(), d, n, rows, columns, c); m.at >= 0) {
          add(m.at, dy);
        }
      }
    }
  });
  for (std::int64_t i = 0; i < d.x_count(); i++) store(a.dx.as<T>(), i, sums[static_cast<std::size_t>(i)]);
}

}  // namespace

void pool_forward_reference(const PoolForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { forward<decltype(t)>(a, ctx); });
}
void pool_backward_reference(const PoolBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { backward<decltype(t)>(a, ctx); });
}

}  // namespace sumi
