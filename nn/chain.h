// Steps that a network is written with once and that run in two ways: as recorded ops where gradients are wanted, fused
// otherwise (a convolution takes the statistics of its output at the store; the next load applies norm and activation).
#pragma once
#include "nn/layers.h"

namespace sumi {

/// The value of p, with what was pending applied.
Tensor settled(const Pending& p);
/// Convolution with the layer's own bias and activation.
Tensor convolve(const Pending& x, const Conv2d& conv);
Tensor convolve(const Pending& x, const ConvTranspose2d& conv);
/// Convolution and norm; the norm's affine and activation may be pending in the result.
Pending conv_norm(const Pending& x, const Conv2d& conv, const Norm& norm);
Pending conv_norm(const Pending& x, const ConvTranspose2d& conv, const Norm& norm);
Pending conv_norm(const Pending& x, const UpsampleConv2d& conv, const Norm& norm);

}  // namespace sumi
