// The backward in two passes: sums per channel, then dx as an affine function of x and du, dy through the activation.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi {

/// Numbers of a channel: mean, gain, bias, slope, offset.
constexpr std::int64_t kGradientPatterns = 5;

void norm_backward_channel_sums(const NormBackward& a, Context& ctx);

}  // namespace sumi
