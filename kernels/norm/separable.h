// The apply pass: affine, activation and residual at load, enlarging and padding as a map of rows and columns.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi {

void norm_apply_separable(const NormApply& a, Context& ctx);

}  // namespace sumi
