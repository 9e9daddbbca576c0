// The backward in two passes: sums per channel, then dx as an affine function of x and dy.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi {

void norm_backward_channel_sums(const NormBackward& a, Context& ctx);

}  // namespace sumi
