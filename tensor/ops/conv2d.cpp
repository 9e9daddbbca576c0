// Convolution, transposed convolution and their gradients. The three kernels are closed under differentiation: the
// gradient of each with respect to either operand is one of the other two.
#include "kernels/conv2d/conv2d.h"

#include "tensor/ops/conv2d_dims.h"
#include "tensor/ops/gradients.h"

namespace sumi {
namespace {

/// The same convolution of an already padded image.
Conv2dDims of_padded(Conv2dDims d) {
  d.H += d.pad.top + d.pad.bottom;
  d.W += d.pad.left + d.pad.right;
  d.pad = {};
  d.pad_mode = PadMode::zero;
  return d;
}

/// The moments of `a`'s result, of so many channels, if they are wanted and the row that runs it takes them at the
/// store: one that does not may be faster by more than the pass that takes them afterwards.
template <class Args>
void take_moments(Args& a, const Tensor& x, std::int64_t channels, Moments* wanted) {
  if (!wanted) return;
  const Moments m = channel_moments(x, channels);
  Args with = a;
  with.epilogue.mean = m.mean.ref(), with.epilogue.var = m.var.ref();
  if (!can_run(select(a, x.ctx()), with, x.ctx().device())) return;
  a = with;
  *wanted = m;
}

Tensor run_forward(const Tensor& x, const Tensor& w, const Conv2dDims& d, const Epilogue& epilogue,
                   Moments* channels = nullptr) {
  Tensor y = Tensor::empty(x.context(), {d.N, d.P(), d.Q(), d.K}, x.dtype(), Conv2dForward::op);
  Conv2dForward a{.d = d, .x = x.ref(), .w = w.ref(), .y = y.ref(), .epilogue = epilogue};
  take_moments(a, x, d.K, channels);
  run(a, x.ctx());
  return y;
}

/// A convolution as its gradients see it: zero padding, no bias, no activation.
Tensor plain_conv2d(const Tensor& x, const Tensor& w, const Conv2dDims& d) {
  Tensor y = run_forward(x, w, d, {});
  const Tensor keep_x = w.requires_grad() ? x : Tensor{}, keep_w = x.requires_grad() ? w : Tensor{};
  return record(std::move(y), "conv2d", {x, w}, [=](const Tensor& dy, const Wanted& wanted) -> Gradients {
    return {wanted[0] ? conv2d_input_gradient(dy, keep_w, d) : Tensor{},
            wanted[1] ? conv2d_weight_gradient(keep_x, dy, d) : Tensor{}};
  });
}

Tensor run_input_gradient(const Tensor& dy, const Tensor& w, const Conv2dDims& d, const Epilogue& epilogue,
                          Moments* channels = nullptr) {
  Tensor dx = Tensor::empty(dy.context(), {d.N, d.H, d.W, d.C}, dy.dtype(), Conv2dBackwardInput::op);
  Conv2dBackwardInput a{.d = d, .dy = dy.ref(), .w = w.ref(), .dx = dx.ref(), .epilogue = epilogue};
  take_moments(a, dy, d.C, channels);
  run(a, dy.ctx());
  return dx;
}

/// Sum over images and pixels, in the bias's dtype.
Tensor bias_gradient(const Tensor& dy, const Shape& shape) {
  return cast(sum(dy, {0, 1, 2}), param_dtype(dy.dtype())).reshape(shape);
}

/// What the backward of a convolution needs; operands that no gradient asks for are empty.
struct Kept {
  Conv2dDims d;
  Conv2dOptions options;
  Tensor x, w, bias, y;
};

Gradients conv2d_gradients(const Kept& k, const Tensor& dy, const Wanted& wanted) {
  const Map act = k.options.act;
  const bool again = is_smooth(act) && recording({&dy, &k.x, &k.w, &k.bias});
  const Tensor y = again ? conv2d(k.x, k.w, k.bias, k.options) : k.y;
  const Tensor dz = activation_gradient(y, dy, act, k.options.a);
  const bool edges = k.d.pad_mode != PadMode::zero;
  const Conv2dDims d = edges ? of_padded(k.d) : k.d;
  Gradients g(3);
  if (wanted[0]) {
    g[0] = conv2d_input_gradient(dz, k.w, d);
    if (edges) g[0] = pad_gradient(g[0], {k.d.N, k.d.H, k.d.W, k.d.C}, k.d.pad, k.d.pad_mode);
  }
  const bool fused_bias = wanted[1] && wanted[2] && !recording({&dz});
  if (wanted[1]) {
    const Tensor x = edges ? pad(k.x, k.d.pad, k.d.pad_mode) : k.x;
    g[1] = conv2d_weight_gradient(x, dz, d, fused_bias ? &g[2] : nullptr);
  }
  if (wanted[2]) g[2] = fused_bias ? g[2].reshape(k.bias.shape()) : bias_gradient(dz, k.bias.shape());
  return g;
}

}  // namespace

Moments channel_moments(const Tensor& x, std::int64_t channels) {
  const Shape shape{x.dim(0), channels};
  const DType type = param_dtype(x.dtype());
  return {Tensor::empty(x.context(), shape, type, Conv2dForward::op),
          Tensor::empty(x.context(), shape, type, Conv2dForward::op)};
}

Conv2dDims conv2d_dims(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& o) {
  const Dims4 image = image_dims(x, "conv2d");
  check(w && w.rank() == 4, "conv2d: expected w [K,R,S,C/groups], got ", w.shape());
  check(o.groups > 0, "conv2d: expected groups of at least 1, got ", o.groups);
  check(image.C == w.dim(3) * o.groups, "conv2d: x has ", image.C, " channels, w wants ", w.dim(3) * o.groups);
  check(w.dtype() == x.dtype(), "conv2d: x is ", name_of(x.dtype()), ", w is ", name_of(w.dtype()));
  check_param(bias, w.dim(0), x.dtype(), "conv2d", "bias");
  check_activation(o.act, o.a, "conv2d");
  const Conv2dDims d{.N = image.N,
                     .H = image.H,
                     .W = image.W,
                     .C = image.C,
                     .K = w.dim(0),
                     .R = w.dim(1),
                     .S = w.dim(2),
                     .stride_h = o.stride,
                     .stride_w = o.stride,
                     .dilation_h = o.dilation,
                     .dilation_w = o.dilation,
                     .groups = o.groups,
                     .pad = o.pad,
                     .pad_mode = o.pad == Pad4{} ? PadMode::zero : o.pad_mode};
  d.validate("conv2d");
  return d;
}

Conv2dDims conv_transpose2d_dims(const Tensor& x, const Tensor& w, const Tensor& bias,
                                 const ConvTranspose2dOptions& o) {
  const Dims4 image = image_dims(x, "conv_transpose2d");
  check(w && w.rank() == 4, "conv_transpose2d: expected w [K,R,S,C/groups], got ", w.shape());
  check(image.C == w.dim(0), "conv_transpose2d: x has ", image.C, " channels, w wants ", w.dim(0));
  check(w.dtype() == x.dtype(), "conv_transpose2d: x is ", name_of(x.dtype()), ", w is ", name_of(w.dtype()));
  check(o.output_pad_h >= 0 && o.output_pad_h < o.stride && o.output_pad_w >= 0 && o.output_pad_w < o.stride,
        "conv_transpose2d: expected output padding in 0..stride-1, got ", o.output_pad_h, ' ', o.output_pad_w);
  const auto side = [&](std::int64_t n, std::int64_t taps, int pads, int extra) {
    return (n - 1) * o.stride - pads + o.dilation * (taps - 1) + 1 + extra;
  };
  const Conv2dDims d{.N = image.N,
                     .H = side(image.H, w.dim(1), o.pad.top + o.pad.bottom, o.output_pad_h),
                     .W = side(image.W, w.dim(2), o.pad.left + o.pad.right, o.output_pad_w),
                     .C = w.dim(3) * o.groups,
                     .K = image.C,
                     .R = w.dim(1),
                     .S = w.dim(2),
                     .stride_h = o.stride,
                     .stride_w = o.stride,
                     .dilation_h = o.dilation,
                     .dilation_w = o.dilation,
                     .groups = o.groups,
                     .pad = o.pad};
  d.validate("conv_transpose2d");
  check_param(bias, d.C, x.dtype(), "conv_transpose2d", "bias");
  return d;
}

Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& w, const Conv2dDims& d) {
  const Tensor filter = cast(w, dy.dtype());
  Tensor dx = run_input_gradient(dy, filter, d, {});
  const Tensor keep_dy = w.requires_grad() ? dy : Tensor{}, keep_w = dy.requires_grad() ? filter : Tensor{};
  return record(std::move(dx), "conv2d_input_gradient", {dy, w},
                [=](const Tensor& g, const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? plain_conv2d(g, keep_w, d) : Tensor{},
                          wanted[1] ? conv2d_weight_gradient(g, keep_dy, d) : Tensor{}};
                });
}

Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Conv2dDims& d, Tensor* dbias) {
  Tensor dw = Tensor::empty(x.context(), {d.K, d.R, d.S, d.Cg()}, param_dtype(x.dtype()), Conv2dBackwardWeight::op);
  if (dbias) *dbias = Tensor::empty(x.context(), {d.K}, param_dtype(x.dtype()), Conv2dBackwardWeight::op);
  run(
      Conv2dBackwardWeight{
          .d = d, .x = x.ref(), .dy = dy.ref(), .dw = dw.ref(), .dbias = dbias ? dbias->ref() : TensorRef{}},
      x.ctx());
  const Tensor keep_x = dy.requires_grad() ? x : Tensor{}, keep_dy = x.requires_grad() ? dy : Tensor{};
  return record(std::move(dw), "conv2d_weight_gradient", {x, dy},
                [=](const Tensor& g, const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? conv2d_input_gradient(keep_dy, g, d) : Tensor{},
                          wanted[1] ? plain_conv2d(keep_x, cast(g, keep_x.dtype()), d) : Tensor{}};
                });
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options, Moments* channels) {
  const Conv2dDims d = conv2d_dims(x, w, bias, options);
  Tensor y = run_forward(x, w, d, {.bias = bias.ref(), .act = options.act, .a = options.a}, channels);
  if (!recording({&x, &w, &bias})) return y;
  const bool all = is_smooth(options.act);
  Kept kept{.d = d, .options = options, .bias = bias};
  if (all || w.requires_grad()) kept.x = x;
  if (all || x.requires_grad()) kept.w = w;
  if (options.act != Map::identity) kept.y = y;
  return record(std::move(y), "conv2d", {x, w, bias},
                [kept](const Tensor& dy, const Wanted& wanted) { return conv2d_gradients(kept, dy, wanted); });
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dOptions& options,
                        Moments* channels) {
  const Conv2dDims d = conv_transpose2d_dims(x, w, bias, options);
  Tensor y = run_input_gradient(x, w, d, {.bias = bias.ref()}, channels);
  const Tensor keep_x = w.requires_grad() ? x : Tensor{}, keep_w = x.requires_grad() ? w : Tensor{};
  return record(std::move(y), "conv_transpose2d", {x, w, bias},
                [keep_x, keep_w, d, sb = bias.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? plain_conv2d(dy, keep_w, d) : Tensor{},
                          wanted[1] ? conv2d_weight_gradient(dy, keep_x, d) : Tensor{},
                          wanted[2] ? bias_gradient(dy, sb) : Tensor{}};
                });
}

}  // namespace sumi
