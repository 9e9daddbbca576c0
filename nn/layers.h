// Layers with parameters. Constructors allocate; nn/init.h fills the weights.
#pragma once
#include "nn/module.h"

namespace sumi {

/// Convolution with a square kernel: x [N,H,W,C] -> [N,P,Q,K]. Parameters `weight` [K,R,R,C/groups] and, unless
/// without bias, `bias` [K].
class Conv2d : public Module {
 public:
  Conv2d(const ContextPtr& context, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& options = {},
         bool with_bias = true);
  /// `channels`: as conv2d's.
  Tensor forward(const Tensor& x, Moments* channels = nullptr) const {
    return conv2d(x, weight, bias, options, channels);
  }

  Conv2dOptions options;
  Tensor weight, bias;
};

/// Transposed convolution with a square kernel: x [N,P,Q,C] -> [N,H,W,K] with C inputs and K outputs. PyTorch's filter
/// [in,out/groups,R,S] is kept as `weight` [C,R,R,K/groups].
class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(const ContextPtr& context, std::int64_t C, std::int64_t K, std::int64_t R,
                  const ConvTranspose2dOptions& options, bool with_bias = true);
  Tensor forward(const Tensor& x, Moments* channels = nullptr) const {
    return conv_transpose2d(x, weight, bias, options, channels);
  }

  ConvTranspose2dOptions options;
  Tensor weight, bias;
};

/// 3x3 convolution, padded by 1, of x enlarged to twice its sides by repeating pixels: x [N,H,W,C] -> [N,2H,2W,K].
/// Parameters as a Conv2d's. On a GPU it is one transposed convolution of x (upsampled_conv2d): 2.25 times fewer
/// multiplications. On a CPU x is enlarged: Winograd's algorithm then saves 4 times as many.
class UpsampleConv2d : public Module {
 public:
  UpsampleConv2d(const ContextPtr& context, std::int64_t C, std::int64_t K, PadMode mode, bool with_bias = true);
  Tensor forward(const Tensor& x, Moments* channels = nullptr) const;
  /// The filter of upsampled_conv2d; where no history wants it, the one made last unless weights have changed since.
  Tensor folded() const;
  /// The convolution of the enlarged image.
  Conv2dOptions options() const { return {.pad = Pad4::all(1), .pad_mode = mode}; }

  PadMode mode;
  Tensor weight, bias;

 private:
  struct Folded {
    Tensor filter, matrix;
    std::shared_ptr<int> token;  // the context's cache has it as long as the weight stays as it was
  };
  mutable Folded folded_;
};

/// Names under which a file keeps a norm's factor and offset.
struct NormNames {
  std::string weight = "weight", bias = "bias";
};

/// Instance, group or layer norm (the latter over C,H,W), then the options' activation. Parameters of C ones and C
/// zeros, or none where not affine.
class Norm : public Module {
 public:
  Norm(const ContextPtr& context, std::int64_t C, const NormOptions& options, bool affine = true,
       const NormNames& names = {});
  Tensor forward(const Tensor& x) const { return norm(x, weight, bias, options); }

  NormOptions options;
  Tensor weight, bias;
};

/// Batch norm (Ioffe & Szegedy 2015): batch statistics while training() is on, and running ones otherwise. Running
/// statistics follow PyTorch: running += momentum (batch - running), with the unbiased variance.
class BatchNorm2d : public Module {
 public:
  BatchNorm2d(const ContextPtr& context, std::int64_t C, double eps = 1e-5, double momentum = 0.1);
  /// Updates the running statistics when training.
  Tensor forward(const Tensor& x) const;

  double eps, momentum;
  Tensor weight, bias, running_mean, running_var;

 private:
  /// `count`: values of a channel.
  void update_running(const Moments& batch, std::int64_t count) const;
};

/// x [M,K] -> [M,N]. Parameters `weight` [N,K] and, unless without bias, `bias` [N].
class Linear : public Module {
 public:
  Linear(const ContextPtr& context, std::int64_t K, std::int64_t N, bool with_bias = true);
  Tensor forward(const Tensor& x) const { return linear(x, weight, bias); }

  Tensor weight, bias;
};

}  // namespace sumi
