// Padding as a map of rows and columns.
#pragma once
#include "kernels/pad/pad.h"

namespace sumi {

void pad_forward_separable(const PadForward& a, Context& ctx);
void pad_backward_separable(const PadBackward& a, Context& ctx);

}  // namespace sumi
