// Resampling as a map of rows and columns.
#pragma once
#include "kernels/resample/resample.h"

namespace sumi {

void resample_forward_separable(const ResampleForward& a, Context& ctx);
void resample_backward_separable(const ResampleBackward& a, Context& ctx);

}  // namespace sumi
