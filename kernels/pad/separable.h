// Padding as a map of rows and columns.
#pragma once
#include "kernels/core/separable.h"
#include "kernels/pad/pad.h"

namespace sumi {

/// Which row and column of the image each one of the padded image reads.
LineMaps padded_lines(const Dims4& d, const Pad4& p, PadMode mode);

void pad_forward_separable(const PadForward& a, Context& ctx);
void pad_backward_separable(const PadBackward& a, Context& ctx);

namespace cuda {

void pad_forward_separable(const PadForward& a, Context& ctx);
void pad_backward_separable(const PadBackward& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
