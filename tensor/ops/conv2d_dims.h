// Checked dims of a convolution on tensors, shared by the recorded ops and the fused, unrecorded ones.
#pragma once
#include "tensor/ops.h"

namespace sumi {

/// Throw Error naming the op, what was expected and what came.
Conv2dDims conv2d_dims(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options);
/// Of the convolution it transposes: H, W, C are the result's, P, Q, K x's.
Conv2dDims conv_transpose2d_dims(const Tensor& x, const Tensor& w, const Tensor& bias,
                                 const ConvTranspose2dOptions& options);

/// Moments [N,channels] for an epilogue to fill.
Moments channel_moments(const Tensor& x, std::int64_t channels);

}  // namespace sumi
