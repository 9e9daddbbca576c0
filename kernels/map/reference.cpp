#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/rows.h"

namespace sumi {

void map_forward_reference(const MapForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.n, 1024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i++) store(a.y.as<T>(), i, map_at(a.f, load(a.x.as<T>(), i), a.a));
    });
  });
}

void map_backward_reference(const MapBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    parallel_for(ctx, a.n, 1024, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i++) {
        const double x = load(a.x.as<T>(), i), dy = load(a.dy.as<T>(), i);
        store(a.dx.as<T>(), i, dy * visit_map(a.f, [&](auto m) { return map_derivative<decltype(m)::value>(x, a.a); }));
      }
    });
  });
}

}  // namespace sumi
