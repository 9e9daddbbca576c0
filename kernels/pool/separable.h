// Pooling as a map of rows and columns: an average's divisor, and a maximum, split into one per side.
#pragma once
#include "kernels/pool/pool.h"

namespace sumi {

void pool_forward_separable(const PoolForward& a, Context& ctx);
/// Averages only.
void pool_backward_separable(const PoolBackward& a, Context& ctx);

}  // namespace sumi
