// The fused, unrecorded passes of inference: convolutions of a pending input, statistics at the store.
#include "tensor/autograd.h"
#include "tensor/ops/conv2d_dims.h"
#include "tensor/ops/gradients.h"
#include "tensor/ops/norm_dims.h"

namespace sumi {
namespace {

void check_unrecorded(const Pending& p, std::initializer_list<const Tensor*> others, std::string_view op) {
  check(!p.norm && !recording({&p.x, &p.scale, &p.shift, &p.residual}) && !recording(others), op,
        ": expected no history (use the recorded ops under one)");
  check(static_cast<bool>(p.scale) == static_cast<bool>(p.shift), op, ": expected scale and shift, or neither");
}

/// A prologue adds no residual, and needs an affine to carry its activation: ones and zeros where only that is pending.
Pending for_prologue(Pending p) {
  if (p.residual) return apply(p);
  if (p.applied() || p.scale) return p;
  const Shape shape{p.x.dim(0), p.x.dim(-1)};
  p.scale = Tensor::full(p.x.context(), shape, 1, param_dtype(p.x.dtype()));
  p.shift = Tensor::zeros(p.x.context(), shape, param_dtype(p.x.dtype()));
  return p;
}

Prologue prologue_of(const Pending& p) {
  return p.applied() ? Prologue{} : Prologue{.scale = p.scale.ref(), .shift = p.shift.ref(), .act = p.act, .a = p.a};
}

Tensor run_conv(const Pending& p, const Tensor& w, const Conv2dDims& d, const Epilogue& epilogue) {
  Tensor y = Tensor::empty(p.x.context(), {d.N, d.P(), d.Q(), d.K}, p.x.dtype(), Conv2dForward::op);
  run(
      Conv2dForward{
          .d = d, .x = p.x.ref(), .w = w.ref(), .y = y.ref(), .prologue = prologue_of(p), .epilogue = epilogue},
      p.x.ctx());
  return y;
}

Tensor run_transposed(const Pending& p, const Tensor& w, const Conv2dDims& d, const Epilogue& epilogue) {
  Tensor y = Tensor::empty(p.x.context(), {d.N, d.H, d.W, d.C}, p.x.dtype(), Conv2dBackwardInput::op);
  run(
      Conv2dBackwardInput{
          .d = d, .dy = p.x.ref(), .w = w.ref(), .dx = y.ref(), .prologue = prologue_of(p), .epilogue = epilogue},
      p.x.ctx());
  return y;
}

Pending pending_norm(Tensor y, const Moments& m, const Tensor& weight, const Tensor& bias, const NormOptions& o) {
  check_param(weight, y.dim(-1), y.dtype(), "norm", "weight");
  check_param(bias, y.dim(-1), y.dtype(), "norm", "bias");
  check_activation(o.act, o.a, "norm");
  Affine affine = fold(norm_dims(y.shape(), o.kind, o.groups), m, weight, bias, o.eps, y.dtype(), true);
  Pending p(std::move(y));
  p.scale = std::move(affine.scale);
  p.shift = std::move(affine.shift);
  p.act = o.act;
  p.a = o.a;
  return p;
}

/// By passes of their own.
Tensor resized(const Tensor& x, const ApplyOptions& o) {
  const auto how = o.upsample == Upsample::bilinear2 ? Interpolation::bilinear : Interpolation::nearest;
  const Tensor y = o.upsample == Upsample::none ? x : resample(x, 2 * x.dim(1), 2 * x.dim(2), how);
  return pad(y, o.pad, o.pad_mode);
}

}  // namespace

Tensor conv2d_pending(const Pending& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& conv) {
  check_unrecorded(x, {&w, &bias}, "conv2d_pending");
  const Conv2dDims d = conv2d_dims(x.x, w, bias, conv);
  return run_conv(for_prologue(x), w, d, {.bias = bias.ref(), .act = conv.act, .a = conv.a});
}

Tensor conv_transpose2d_pending(const Pending& x, const Tensor& w, const Tensor& bias,
                                const ConvTranspose2dOptions& conv) {
  check_unrecorded(x, {&w, &bias}, "conv_transpose2d_pending");
  const Conv2dDims d = conv_transpose2d_dims(x.x, w, bias, conv);
  return run_transposed(for_prologue(x), w, d, {.bias = bias.ref()});
}

Pending conv2d_norm(const Pending& x, const Tensor& w, const Tensor& conv_bias, const Conv2dOptions& conv,
                    const Tensor& weight, const Tensor& bias, const NormOptions& options) {
  check_unrecorded(x, {&w, &conv_bias, &weight, &bias}, "conv2d_norm");
  const Conv2dDims d = conv2d_dims(x.x, w, conv_bias, conv);
  const Moments m = channel_moments(x.x, d.K);
  Tensor y =
      run_conv(for_prologue(x), w, d,
               {.bias = conv_bias.ref(), .act = conv.act, .a = conv.a, .mean = m.mean.ref(), .var = m.var.ref()});
  return pending_norm(std::move(y), m, weight, bias, options);
}

Pending conv_transpose2d_norm(const Pending& x, const Tensor& w, const Tensor& conv_bias,
                              const ConvTranspose2dOptions& conv, const Tensor& weight, const Tensor& bias,
                              const NormOptions& options) {
  check_unrecorded(x, {&w, &conv_bias, &weight, &bias}, "conv_transpose2d_norm");
  const Conv2dDims d = conv_transpose2d_dims(x.x, w, conv_bias, conv);
  const Moments m = channel_moments(x.x, d.C);
  Tensor y = run_transposed(for_prologue(x), w, d, {.bias = conv_bias.ref(), .mean = m.mean.ref(), .var = m.var.ref()});
  return pending_norm(std::move(y), m, weight, bias, options);
}

Tensor run_apply(const Pending& p, const ApplyOptions& options) {
  const bool image = p.x.rank() == 4;
  NormApply args{.d = image ? image_dims(p.x, "apply") : Dims4{.N = p.x.dim(0), .C = p.x.dim(1)},
                 .act = p.act,
                 .a = p.a,
                 .upsample = options.upsample,
                 .pad = options.pad,
                 .pad_mode = options.pad_mode,
                 .x = p.x.ref(),
                 .scale = p.scale.ref(),
                 .shift = p.shift.ref(),
                 .residual = p.residual.ref()};
  const Dims4 out = args.y_dims();
  const Shape shape = image ? Shape{out.N, out.H, out.W, out.C} : p.x.shape();
  Tensor y = Tensor::empty(p.x.context(), shape, p.x.dtype(), NormApply::op);
  args.y = y.ref();
  run(args, p.x.ctx());
  return y;
}

Pending plus(Pending p, const Tensor& residual) {
  check(!p.residual, "plus: there is a residual already");
  check(residual.shape() == p.x.shape(), "plus: expected a residual of ", p.x.shape(), ", got ", residual.shape());
  check(residual.dtype() == p.x.dtype(), "plus: x is ", name_of(p.x.dtype()), ", residual is ",
        name_of(residual.dtype()));
  p.residual = residual;
  return p;
}

Tensor apply(const Pending& p, const ApplyOptions& options) {
  const Dims4 d = image_dims(p.x, "apply");
  const int up = options.upsample == Upsample::none ? 1 : 2;
  check_pad({d.N, up * d.H, up * d.W, d.C}, options.pad, options.pad_mode);
  if (resizes_at_once(p, options)) return apply_norm(p, options);
  if (p.norm) return resized(apply_norm(p, {}), options);
  if (recording({&p.x, &p.scale, &p.shift, &p.residual})) {
    check(!p.scale && p.act == Map::identity, "apply: under a history, expected nothing pending but a recorded norm");
    return resized(p.residual ? p.x + p.residual : p.x, options);
  }
  if (p.applied() && options.upsample == Upsample::none && options.pad == Pad4{}) return p.x;
  check_activation(p.act, p.a, "apply");
  return run_apply(p, options);
}

}  // namespace sumi
