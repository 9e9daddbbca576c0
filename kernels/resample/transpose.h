// Pixel shuffle as many small transpositions.
#pragma once
#include "kernels/resample/resample.h"

namespace sumi {

void pixel_shuffle_transpose(const PixelShuffle& a, Context& ctx);

namespace cuda {

void pixel_shuffle_transpose(const PixelShuffle& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
