// Pooling as a map of rows and columns: an average's divisor, and a maximum, split into one per side.
#pragma once
#include "kernels/core/separable.h"
#include "kernels/pool/pool.h"

namespace sumi {

/// Along each side: the pixels of each window, weighed for an average, or all with 1 for a maximum.
LineMaps window_lines(Pooling pooling, const PoolDims& d);

void pool_forward_separable(const PoolForward& a, Context& ctx);
/// Averages only.
void pool_backward_separable(const PoolBackward& a, Context& ctx);

namespace cuda {

void pool_forward_separable(const PoolForward& a, Context& ctx);
/// Averages only.
void pool_backward_separable(const PoolBackward& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
