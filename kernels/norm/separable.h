// The apply pass: affine, activation and residual at load, enlarging and padding as a map of rows and columns.
#pragma once
#include "kernels/core/separable.h"
#include "kernels/norm/norm.h"

namespace sumi {

/// What pad(upsample(x)) of an image of H x W reads.
LineMaps resized_lines(std::int64_t H, std::int64_t W, Upsample upsample, const Pad4& pad, PadMode mode);

void norm_apply_separable(const NormApply& a, Context& ctx);

}  // namespace sumi
