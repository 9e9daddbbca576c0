// The functions behind the rows of the gemm table.
#pragma once
#include "kernels/gemm/gemm.h"

namespace sumi {

/// The definition: one dot product per element, summed in double.
void gemm_reference(const Gemm& a, Context& ctx);

/// Packed panels and register tiles; f32 sums.
void gemm_blocked(const Gemm& a, Context& ctx);

namespace cuda {

/// One thread a result.
void gemm_naive(const Gemm& g, Context& ctx);
/// 32 x 32 tiles in shared memory.
void gemm_tiled(const Gemm& g, Context& ctx);
/// 8 x 8 results a thread; f32.
void gemm_register_blocked(const Gemm& g, Context& ctx);
/// Tensor cores, f32 sums; f16 and bf16.
void gemm_mma(const Gemm& g, Context& ctx);
/// Tensor cores on f32 rounded to tf32, f32 sums; sm_80 and later.
void gemm_mma_tf32(const Gemm& g, Context& ctx);
/// Hopper's tensor cores and copy engine, f32 sums; f16 and bf16 whose rows are multiples of 16 bytes.
void gemm_wgmma(const Gemm& g, Context& ctx);
bool gemm_wgmma_supports(const Gemm& g, const DeviceInfo& d);
/// Its tiles are 128 wide.
bool gemm_wgmma_pays(const Gemm& g, const DeviceInfo& d);
/// The same in clusters of two blocks, which share the tiles of b; supports what `wgmma` does.
void gemm_wgmma_multicast(const Gemm& g, Context& ctx);
/// Both blocks have rows.
bool gemm_wgmma_multicast_pays(const Gemm& g, const DeviceInfo& d);

}  // namespace cuda

}  // namespace sumi
