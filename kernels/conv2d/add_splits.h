// Shares of a convolution's sums over k, added with the statistics of what that stores.
#pragma once
#include "kernels/conv2d/tile_sums.h"
#include "kernels/gemm/finish.h"

namespace sumi::cuda {

/// Rows of a slot of the statistics.
inline constexpr int kAddedRows = 32;

/// Adds the slots of f to y [images,pixels,N] and leaves its statistics in those of `sums`.
template <class T>
void launch_add_splits_summed(const Finish<T>& f, const TileSums& sums, std::int64_t images, std::int64_t pixels,
                              int splits, Stream stream);

}  // namespace sumi::cuda
