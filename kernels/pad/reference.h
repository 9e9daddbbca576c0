// The definition: plain loops, summed in double whatever the storage type.
#pragma once
#include "kernels/pad/pad.h"

namespace sumi {

void pad_forward_reference(const PadForward& a, Context& ctx);
void pad_backward_reference(const PadBackward& a, Context& ctx);

}  // namespace sumi
