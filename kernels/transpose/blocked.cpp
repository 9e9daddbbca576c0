#include "kernels/core/parallel.h"
#include "kernels/transpose/rows.h"

namespace sumi {
namespace {

/// 32 rows of 32 columns: a cache line of x is used up before it leaves.
template <class T>
void exchange_blocks(const Transpose& a, Context& ctx) {
  constexpr std::int64_t kBlock = 32;
  const std::int64_t strips = (a.columns + kBlock - 1) / kBlock;
  parallel_for(ctx, a.batch * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; k++) {
      const std::int64_t first = k % strips * kBlock, last = std::min(a.columns, first + kBlock);
      const T* x = a.x.as<T>() + k / strips * a.rows * a.columns;  // (rows, columns)
      T* y = a.y.as<T>() + k / strips * a.rows * a.columns;        // (columns, rows)
      for (std::int64_t i0 = 0; i0 < a.rows; i0 += kBlock)
        for (std::int64_t j = first; j < last; j++)
          for (std::int64_t i = i0; i < std::min(a.rows, i0 + kBlock); i++) y[j * a.rows + i] = x[i * a.columns + j];
    }
  });
}

}  // namespace

void transpose_blocked(const Transpose& a, Context& ctx) {
  visit_float(a.x.dtype, [&](auto type) { exchange_blocks<decltype(type)>(a, ctx); });
}

}  // namespace sumi
