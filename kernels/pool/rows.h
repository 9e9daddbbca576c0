// The functions behind those CUDA rows of the pool tables that are the GPU's own.
#pragma once
#include "kernels/pool/pool.h"

namespace sumi::cuda {

/// A whole block for each window.
void pool_forward_block_per_window(const PoolForward& a, Context& ctx);
/// Few and large windows, as in global pooling: a thread for each would leave the GPU empty.
bool pool_forward_block_per_window_pays(const PoolForward& a, const DeviceInfo& device);

/// Maxima, where windows do not overlap.
void pool_backward_cells(const PoolBackward& a, Context& ctx);
/// Maxima: where each window's stands, then a gather.
void pool_backward_positions(const PoolBackward& a, Context& ctx);

}  // namespace sumi::cuda
