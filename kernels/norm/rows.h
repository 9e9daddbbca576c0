// The functions behind the CUDA rows of the norm tables.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi::cuda {

/// One block a statistic.
void norm_stats_block_per_group(const NormStats& a, Context& ctx);
/// Chunks of pixels over the whole GPU, then a merge.
void norm_stats_split(const NormStats& a, Context& ctx);
/// Whether images are cut or groups are narrow: else one block a statistic is as good, and one launch less.
bool norm_stats_split_pays(const NormStats& a, const DeviceInfo& device);

/// Up to 32 threads a statistic.
void norm_fold_lanes_per_group(const NormFold& a, Context& ctx);
/// 16 bytes of y a thread.
void norm_apply_gather(const NormApply& a, Context& ctx);
/// Sums per channel over the whole GPU, then dx as an affine function of x and dy.
void norm_backward_channel_sums(const NormBackward& a, Context& ctx);

}  // namespace sumi::cuda
