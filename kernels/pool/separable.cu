// An output thread gathers its window: see core/separable.cu. Windows that overlap find their pixels in the caches.
#include "kernels/pool/separable.h"

#include <limits>

namespace sumi::cuda {

void pool_forward_separable(const PoolForward& a, Context& ctx) {
  const auto lines = [&] { return window_lines(a.pooling, a.d); };
  if (a.pooling == Pooling::max)
    separable_max(PoolForward::op, a.key(), lines, a.d.N, a.d.C, a.x, a.y, -std::numeric_limits<float>::infinity(),
                  ctx);
  else
    separable_sum(PoolForward::op, a.key(), lines, a.d.N, a.d.C, a.x, a.y, 0, ctx);
}

void pool_backward_separable(const PoolBackward& a, Context& ctx) {
  const auto lines = [&] { return transposed(window_lines(a.pooling, a.d)); };
  separable_sum(PoolBackward::op, a.key(), lines, a.d.N, a.d.C, a.dy, a.dx, 0, ctx);
}

}  // namespace sumi::cuda
