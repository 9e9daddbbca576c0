// Max pooling's gradient, gathered row by row.
#pragma once
#include "kernels/pool/pool.h"

namespace sumi {

/// Maxima only.
void pool_backward_gather(const PoolBackward& a, Context& ctx);

}  // namespace sumi
