// The definition: plain loops, summed in double whatever the storage type.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi {

void conv2d_forward_reference(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_reference(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_reference(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi
