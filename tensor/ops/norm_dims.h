// What the recorded normalisation and the fused, unrecorded passes share.
#pragma once
#include "tensor/ops.h"

namespace sumi {

/// x is [N,H,W,C] or [N,C]. Throws Error where groups do not divide C.
NormDims norm_dims(const Shape& x, NormKind kind, int groups);

/// The per-channel affine [N,C] that statistics, weight and bias (or empty) fold into.
struct Affine {
  Tensor scale, shift;
};
/// With from_channels, `statistics` are moments [N,C] of each image's channels; `merged`, unless empty, receives what
/// they merge to.
Affine fold(const NormDims& d, const Moments& statistics, const Tensor& weight, const Tensor& bias, double eps,
            DType data, bool from_channels = false, const Moments& merged = {});

/// The one pass of apply(), unchecked and unrecorded; p.x may be [N,C] where nothing changes its size.
Tensor run_apply(const Pending& p, const ApplyOptions& options);
/// The same of a p with history (p.norm), recorded; resizes_at_once(p, options) must hold.
Tensor apply_norm(const Pending& p, const ApplyOptions& options);

}  // namespace sumi
