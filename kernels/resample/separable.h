// Resampling as a map of rows and columns.
#pragma once
#include "kernels/core/separable.h"
#include "kernels/resample/resample.h"

namespace sumi {

/// What each row and column of the new image is mixed from.
LineMaps resampled_lines(const Dims4& d, std::int64_t P, std::int64_t Q, Interpolation interpolation,
                         Coordinates coordinates);

void resample_forward_separable(const ResampleForward& a, Context& ctx);
void resample_backward_separable(const ResampleBackward& a, Context& ctx);

namespace cuda {

void resample_forward_separable(const ResampleForward& a, Context& ctx);
void resample_backward_separable(const ResampleBackward& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
