// Max pooling's gradient, gathered row by row.
#pragma once
#include "kernels/pool/pool.h"

namespace sumi {

/// Rows [begin,end) of dx. Where windows do not overlap vertically, or there is one, a strip is one window's rows, so
/// that each maximum is searched once; else it is one row, and the maxima of the windows over it are searched again.
struct Strip {
  std::int64_t begin, end, p0, p1;  // touched by the windows of output rows [p0,p1)
};

/// Maxima only.
void pool_backward_gather(const PoolBackward& a, Context& ctx);

}  // namespace sumi
