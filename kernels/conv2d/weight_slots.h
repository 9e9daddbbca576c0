// The end of every weight gradient: shares of the pixels have stored their sums to slots, which are added in order.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// a.dw, in its own dtype, is the sum of `slots` [shares, K, R, S, C/groups].
void add_weight_slots(const Conv2dBackwardWeight& a, const Scratch& slots, std::int64_t shares, Context& ctx);

}  // namespace sumi::cuda
