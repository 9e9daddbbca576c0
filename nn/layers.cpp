#include "nn/layers.h"

#include "tensor/autograd.h"

namespace sumi {

Conv2d::Conv2d(const ContextPtr& context, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& options,
               bool with_bias)
    : options(options) {
  const std::int64_t groups = options.groups;
  check(groups > 0 && C % groups == 0 && K % groups == 0, "conv2d: ", groups, " groups do not divide ", C, " and ", K,
        " channels");
  weight = Tensor::zeros(context, {K, R, R, C / groups});
  add("weight", weight, ParameterKind::filter);
  if (!with_bias) return;
  bias = Tensor::zeros(context, {K});
  add("bias", bias);
}

ConvTranspose2d::ConvTranspose2d(const ContextPtr& context, std::int64_t C, std::int64_t K, std::int64_t R,
                                 const ConvTranspose2dOptions& options, bool with_bias)
    : options(options) {
  const std::int64_t groups = options.groups;
  check(groups > 0 && C % groups == 0 && K % groups == 0, "conv_transpose2d: ", groups, " groups do not divide ", C,
        " and ", K, " channels");
  weight = Tensor::zeros(context, {C, R, R, K / groups});
  add("weight", weight, ParameterKind::filter);
  if (!with_bias) return;
  bias = Tensor::zeros(context, {K});
  add("bias", bias);
}

UpsampleConv2d::UpsampleConv2d(const ContextPtr& context, std::int64_t C, std::int64_t K, PadMode mode, bool with_bias)
    : mode(mode), weight(Tensor::zeros(context, {K, 3, 3, C})) {
  add("weight", weight, ParameterKind::filter);
  if (!with_bias) return;
  bias = Tensor::zeros(context, {K});
  add("bias", bias);
}

Tensor UpsampleConv2d::folded() const {
  const DType type = param_dtype(weight.dtype());
  if (!folded_.matrix || folded_.matrix.dtype() != type) folded_.matrix = upsampling_matrix(weight.context(), type);
  if (recording({&weight})) return upsampling_filter(weight, folded_.matrix);
  // The cache also knows of weights that a captured graph writes.
  const auto token =
      weight.ctx().cache().get<int>("upsampling_filter", "", weight.ref(), [] { return std::make_shared<int>(0); });
  if (folded_.token != token) {
    folded_.filter = upsampling_filter(weight, folded_.matrix);
    folded_.token = token;
  }
  return folded_.filter;
}

Tensor UpsampleConv2d::forward(const Tensor& x, Moments* channels) const {
  if (!x.on_host()) return upsampled_conv2d(x, folded(), bias, mode, channels);
  return conv2d(resample(x, 2 * x.dim(1), 2 * x.dim(2), Interpolation::nearest), weight, bias, options(), channels);
}

Norm::Norm(const ContextPtr& context, std::int64_t C, const NormOptions& options, bool affine, const NormNames& names)
    : options(options) {
  if (!affine) return;
  weight = Tensor::full(context, {C}, 1);
  bias = Tensor::zeros(context, {C});
  add(names.weight, weight);
  add(names.bias, bias);
}

BatchNorm2d::BatchNorm2d(const ContextPtr& context, std::int64_t C, double eps, double momentum)
    : eps(eps),
      momentum(momentum),
      weight(Tensor::full(context, {C}, 1)),
      bias(Tensor::zeros(context, {C})),
      running_mean(Tensor::zeros(context, {C})),
      running_var(Tensor::full(context, {C}, 1)) {
  add("weight", weight);
  add("bias", bias);
  add("running_mean", running_mean, ParameterKind::vector, true);
  add("running_var", running_var, ParameterKind::vector, true);
}

Tensor BatchNorm2d::forward(const Tensor& x) const {
  const NormOptions options{.kind = NormKind::batch, .eps = eps};
  if (!training()) return norm_with(x, running_mean, running_var, weight, bias, options);
  const Moments batch = moments(x, NormKind::batch);
  const std::int64_t count = x.numel() / x.dim(-1);
  check(count > 1, "batch norm: training needs more than one value per channel, got shape ", x.shape());
  update_running(batch, count);
  return norm(x, batch, weight, bias, options);
}

void BatchNorm2d::update_running(const Moments& batch, std::int64_t count) const {
  const NoGrad none(batch.mean.ctx());
  const auto n = static_cast<double>(count);
  const auto follow = [&](const Tensor& running, const Tensor& now, double factor) {
    running.copy_from(running * (1 - momentum) + now.reshape(running.shape()) * (momentum * factor));
  };
  follow(running_mean, batch.mean, 1);
  follow(running_var, batch.var, n / (n - 1));
}

Linear::Linear(const ContextPtr& context, std::int64_t K, std::int64_t N, bool with_bias)
    : weight(Tensor::zeros(context, {N, K})) {
  add("weight", weight, ParameterKind::matrix);
  if (!with_bias) return;
  bias = Tensor::zeros(context, {N});
  add("bias", bias);
}

}  // namespace sumi
