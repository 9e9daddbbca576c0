// The gradients of linear ops as ops of their own: fused kernels that are recorded too, so that they can be
// differentiated again. Backward closures use them; the public list is tensor/ops.h.
#pragma once
#include "tensor/autograd.h"
#include "tensor/ops.h"

namespace sumi {

/// An activation of fused epilogues with a parameter that keeps it monotonic. Throws Error naming `op`.
void check_activation(Map act, double a, std::string_view op);
/// True where the activation's derivative itself has a derivative: then only the output's history gives second order.
constexpr bool is_smooth(Map act) { return act == Map::tanh || act == Map::sigmoid; }
/// dz of y = act(z), read off the output: y's sign (relu, leaky_relu with a slope >= 0), or y itself (tanh, sigmoid).
Tensor activation_gradient(const Tensor& y, const Tensor& dy, Map act, double a);

/// dx [N,H,W,C] of the convolution `d` (zero padding).
Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& w, const Conv2dDims& d);
/// dw [K,R,S,C/groups], in f32 where x is f16 or bf16. A non-null `dbias` receives sum(dy) [K], unrecorded.
Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dDims& d, Tensor* dbias = nullptr);

/// Throws Error where pad() does not take these sides of an image `d`.
void check_pad(const Dims4& d, const Pad4& pad, PadMode mode);
/// dx [N,H,W,C] of pad().
Tensor pad_gradient(const Tensor& dy, const Dims4& x, const Pad4& pad, PadMode mode);

/// dx of a resample() with `f`'s sizes and conventions.
Tensor resample_gradient(const Tensor& dy, const ResampleForward& f);

/// The sides of an [N,H,W,C] tensor; throws Error naming `op` for another rank.
Dims4 image_dims(const Tensor& x, std::string_view op);
/// Throws Error naming `op` unless `t` is empty or a param (param_dtype of `data`) of `count` elements.
void check_param(const Tensor& t, std::int64_t count, DType data, std::string_view op, std::string_view name);

}  // namespace sumi
