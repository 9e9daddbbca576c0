// The functions behind the rows of the two softmax tables.
#pragma once
#include "kernels/softmax/softmax.h"

namespace sumi {

/// The definition: computed in double whatever the storage type.
void softmax_forward_reference(const SoftmaxForward& a, Context& ctx);
void softmax_backward_reference(const SoftmaxBackward& a, Context& ctx);

/// One row at a time in single precision.
void softmax_forward_vectorized(const SoftmaxForward& a, Context& ctx);
void softmax_backward_vectorized(const SoftmaxBackward& a, Context& ctx);

}  // namespace sumi
