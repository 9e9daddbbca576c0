#include "kernels/binary/rows.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

/// Where element i of the result y stands in an operand of shape d.
std::int64_t source_index(std::int64_t i, const Dims5& y, const Dims5& d) {
  std::int64_t at = 0, stride = 1;
  for (std::size_t k = y.size(); k-- > 0;) {
    const std::int64_t along = i % y[k];
    i /= y[k];
    if (d[k] != 1) at += along * stride;
    stride *= d[k];
  }
  return at;
}

}  // namespace

void binary_reference(const Binary& a, Context& ctx) {
  const Dims5 y = broadcast(a.a_dims, a.b_dims);
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, count(y), 1024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i++) {
        const double left = load(a.a.as<T>(), source_index(i, y, a.a_dims));
        const double right = load(a.b.as<T>(), source_index(i, y, a.b_dims));
        store(a.y.as<T>(), i, visit_binary(a.f, [&](auto f) { return binary_value<decltype(f)::value>(left, right); }));
      }
    });
  });
}

}  // namespace sumi
