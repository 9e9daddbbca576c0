#include <cmath>

#include "kernels/cast/rows.h"
#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

std::uint8_t to_byte(double v) {
  if (!(v > 0)) return 0;  // NaN too
  return v >= 255 ? 255 : static_cast<std::uint8_t>(std::nearbyint(v));
}

template <class X, class Y>
void cast(const Cast& a, Context& ctx) {
  parallel_for(ctx, a.n, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const double v = load(a.x.as<X>(), i) * a.scale + a.offset();
      if constexpr (sizeof(Y) == 1)
        a.y.as<Y>()[i] = to_byte(v);
      else
        store(a.y.as<Y>(), i, v);
    }
  });
}

}  // namespace

void cast_reference(const Cast& a, Context& ctx) {
  visit_dtype(a.x.dtype,
              [&](auto x) { visit_dtype(a.y.dtype, [&](auto y) { cast<decltype(x), decltype(y)>(a, ctx); }); });
}

}  // namespace sumi
