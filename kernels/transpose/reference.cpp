#include "kernels/core/parallel.h"
#include "kernels/transpose/rows.h"

namespace sumi {
namespace {

template <class T>
void exchange(const Transpose& a, Context& ctx) {
  parallel_for(ctx, a.batch * a.columns, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; k++)
      for (std::int64_t i = 0; i < a.rows; i++) {
        const std::int64_t b = k / a.columns, j = k % a.columns;
        a.y.as<T>()[k * a.rows + i] = a.x.as<T>()[(b * a.rows + i) * a.columns + j];
      }
  });
}

}  // namespace

void transpose_reference(const Transpose& a, Context& ctx) {
  visit_float(a.x.dtype, [&](auto type) { exchange<decltype(type)>(a, ctx); });
}

}  // namespace sumi
