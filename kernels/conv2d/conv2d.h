// 2-D convolution and its gradients. Activations N,H,W,C; filters K,R,S,C/groups; output N,P,Q,K.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"
#include "kernels/map/functions.h"

namespace sumi {

/// Shapes of x [N,H,W,C], w [K,R,S,C/groups] and y [N,P,Q,K], in elements; gradients have the shapes of what they are
/// of. Nothing is checked before validate().
struct Conv2dDims {
  std::int64_t N = 1, H = 1, W = 1, C = 1, K = 1, R = 1, S = 1;
  int stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;
  Pad4 pad;
  PadMode pad_mode = PadMode::zero;

  std::int64_t P() const { return (H + pad.top + pad.bottom - dilation_h * (R - 1) - 1) / stride_h + 1; }
  std::int64_t Q() const { return (W + pad.left + pad.right - dilation_w * (S - 1) - 1) / stride_w + 1; }
  std::int64_t Cg() const { return C / groups; }  // input channels of one group
  std::int64_t Kg() const { return K / groups; }
  std::int64_t x_count() const { return N * H * W * C; }
  std::int64_t w_count() const { return K * R * S * Cg(); }
  std::int64_t y_count() const { return N * P() * Q() * K; }
  double flops() const { return 2.0 * static_cast<double>(y_count()) * static_cast<double>(R * S * Cg()); }
  bool unit_stride() const { return stride_h == 1 && stride_w == 1; }
  bool unit_dilation() const { return dilation_h == 1 && dilation_w == 1; }
  std::string key() const;
  /// Throws Error where sizes, groups or padding make no convolution; `what` is the op's name.
  void validate(std::string_view what) const;
};

/// Applied to the input at load: x' = act(x * scale[n,c] + shift[n,c]). Padding zeros are zeros after the map;
/// reflected and replicated pixels are mapped ones. scale and shift are params, [N,C] of the input, both or neither:
/// without them there is no prologue and act means nothing.
struct Prologue {
  TensorRef scale, shift;
  Map act = Map::identity;
  double a = 0;  // leaky_relu's slope
  explicit operator bool() const { return static_cast<bool>(scale); }
};

/// Applied to the output at store, in this order: + bias[channel], + residual (same shape and dtype as the output),
/// act. `mean` and `var` (params, [N,channels]; both or neither) receive the mean and biased variance over each image's
/// pixels of the stored values, computed stably (shifted sums, merged pairwise after Chan et al. 1979).
struct Epilogue {
  TensorRef bias, residual;
  Map act = Map::identity;
  double a = 0;
  TensorRef mean, var;
  bool plain() const { return !bias && !residual && act == Map::identity && !mean; }
};

/// What every row requires: scale and shift, and mean and var, come in pairs.
bool is_complete(const Prologue& p, const Epilogue& e);
/// What the fast rows require besides: both maps are activations. The reference applies any map.
bool is_fusible(const Prologue& p, const Epilogue& e);

/// y = epilogue(conv(prologue(x), w)).
struct Conv2dForward {
  static constexpr std::string_view op = "conv2d_forward";
  static constexpr bool linear = true;
  Conv2dDims d;
  TensorRef x, w, y;
  Prologue prologue;
  Epilogue epilogue;

  static Table<Conv2dForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return d.flops(); }
  double bytes() const;
  double reduction() const { return static_cast<double>(d.R * d.S * d.Cg()); }
  /// Drops the activations: what is left is linear in |x|, |w|, and bounds the error (tests).
  void linearise() { prologue.act = epilogue.act = Map::identity; }
  /// True when integer data gives exact integer results.
  bool exact() const { return prologue.act <= Map::relu && epilogue.act <= Map::relu; }
};

/// dx = epilogue(conv's transpose applied to prologue(dy)): the input gradient of the convolution `d`, and, with
/// prologue [N,K] and epilogue [C], the transposed convolution of PyTorch and ONNX: d.H, d.W are the *larger* image's
/// size, so output padding and cropping are choices of H, W and pad. Only zero padding.
struct Conv2dBackwardInput {
  static constexpr std::string_view op = "conv2d_backward_input";
  static constexpr bool linear = true;
  Conv2dDims d;
  TensorRef dy, w, dx;
  Prologue prologue;
  Epilogue epilogue;

  static Table<Conv2dBackwardInput> table();
  DType dtype() const { return dy.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return d.flops(); }
  double bytes() const;
  double reduction() const { return static_cast<double>(d.R * d.S * d.Kg()); }
  /// Drops the activations: what is left is linear in |x|, |w|, and bounds the error (tests).
  void linearise() { prologue.act = epilogue.act = Map::identity; }
  /// True when integer data gives exact integer results.
  bool exact() const { return prologue.act <= Map::relu && epilogue.act <= Map::relu; }
};

/// dw[k,r,s,c] = sum over n,p,q of dy * x (zero padding; other modes pad x first). dw has x's dtype or is f32.
/// dbias [K] = sum of dy, when present.
struct Conv2dBackwardWeight {
  static constexpr std::string_view op = "conv2d_backward_weight";
  static constexpr bool linear = true;
  Conv2dDims d;
  TensorRef x, dy, dw, dbias;

  static Table<Conv2dBackwardWeight> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return d.key(); }
  Operands operands();
  double flops() const { return d.flops(); }
  double bytes() const;
  double reduction() const { return static_cast<double>(d.N * d.P() * d.Q()); }
};

}  // namespace sumi
