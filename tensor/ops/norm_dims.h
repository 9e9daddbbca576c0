// Dims of a normalisation on tensors, shared by the recorded op and the fused, unrecorded ones.
#pragma once
#include "tensor/ops.h"

namespace sumi {

/// x is [N,H,W,C] or [N,C]. Throws Error where groups do not divide C.
NormDims norm_dims(const Shape& x, NormKind kind, int groups);

/// The per-channel affine [N,C] that statistics, weight and bias (or empty) fold into.
struct Affine {
  Tensor scale, shift;
};
Affine fold(const NormDims& d, const Moments& statistics, const Tensor& weight, const Tensor& bias, double eps,
            bool from_channels, DType data);

}  // namespace sumi
