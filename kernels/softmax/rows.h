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

namespace cuda {

/// A row in the registers of a warp or less: up to 1,024 columns that are whole 16-byte vectors, or any 256.
void softmax_forward_registers(const SoftmaxForward& a, Context& ctx);
void softmax_backward_registers(const SoftmaxBackward& a, Context& ctx);

/// A block a row, of any length.
void softmax_forward_online(const SoftmaxForward& a, Context& ctx);
void softmax_backward_online(const SoftmaxBackward& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
