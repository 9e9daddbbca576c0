// The definition: plain loops, summed in double whatever the storage type.
#pragma once
#include "kernels/resample/resample.h"

namespace sumi {

void resample_forward_reference(const ResampleForward& a, Context& ctx);
void resample_backward_reference(const ResampleBackward& a, Context& ctx);
void pixel_shuffle_reference(const PixelShuffle& a, Context& ctx);

}  // namespace sumi
