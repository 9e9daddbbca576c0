// Normalisation: statistics, fold, one apply pass; a fused backward and the composed one that can be differentiated.
#include "kernels/norm/norm.h"

#include "tensor/ops/gradients.h"
#include "tensor/ops/norm_dims.h"

namespace sumi {
namespace {

Dims4 apply_dims(const NormDims& d) { return {d.N, 1, d.HW, d.C}; }

Tensor run_apply(const Tensor& x, const Affine& affine, const NormDims& d, const NormOptions& o) {
  Tensor y = Tensor::empty(x.context(), x.shape(), x.dtype(), NormApply::op);
  run(NormApply{.d = apply_dims(d),
                .act = o.act,
                .a = o.a,
                .x = x.ref(),
                .scale = affine.scale.ref(),
                .shift = affine.shift.ref(),
                .y = y.ref()},
      x.ctx());
  return y;
}

Moments run_stats(const Tensor& x, const NormDims& d) {
  const Shape shape{d.rows(), d.groups};
  const DType type = param_dtype(x.dtype());
  Moments m{Tensor::empty(x.context(), shape, type, NormStats::op),
            Tensor::empty(x.context(), shape, type, NormStats::op)};
  run(NormStats{.d = d, .x = x.ref(), .mean = m.mean.ref(), .var = m.var.ref()}, x.ctx());
  return m;
}

/// What the backward of a normalisation needs: not its output, an activation's derivative is taken at what x gives
/// again. With `frozen`, the statistics are constants.
struct Kept {
  NormDims d;
  NormOptions options;
  bool frozen = false;
  Moments statistics;
  Tensor x, weight, bias;
};

Gradients fused_gradients(const Kept& k, const Tensor& dy, const Wanted& wanted) {
  const auto like = [](const Tensor& t) { return Tensor::empty(t.context(), t.shape(), t.dtype(), NormBackward::op); };
  Gradients g(3);
  if (wanted[0]) g[0] = like(k.x);
  if (wanted[1]) g[1] = like(k.weight);
  if (wanted[2]) g[2] = like(k.bias);
  run(NormBackward{.d = k.d,
                   .eps = k.options.eps,
                   .frozen = k.frozen,
                   .act = k.options.act,
                   .a = k.options.a,
                   .x = k.x.ref(),
                   .dy = dy.ref(),
                   .mean = k.statistics.mean.ref(),
                   .var = k.statistics.var.ref(),
                   .weight = k.weight.ref(),
                   .bias = k.bias.ref(),
                   .dx = g[0].ref(),
                   .dweight = g[1].ref(),
                   .dbias = g[2].ref()},
      k.x.ctx());
  return g;
}

/// The formulas of NormBackward and of the forward in recorded ops, on [N, HW, groups, C/groups].
class Composed {
 public:
  Composed(const Kept& k) : k_(k), C_(k.d.C / k.d.groups), view_{k.d.N, k.d.HW, k.d.groups, C_} {
    const Tensor x = cast(k.x, param_dtype(k.x.dtype())).reshape(view_);
    const Shape statistics{k.d.rows(), 1, k.d.groups, 1};
    const Tensor centred = x - (k.frozen ? k.statistics.mean.reshape(statistics) : average(x));
    const Tensor var = k.frozen ? k.statistics.var.reshape(statistics) : average(square(centred));
    rstd_ = rsqrt(var + k.options.eps);
    xhat_ = centred * rstd_;
    if (k.weight) weight_ = k.weight.reshape({k.d.groups, C_});
  }

  Tensor output() const {
    Tensor y = weight_ ? xhat_ * weight_ : xhat_;
    if (k_.bias) y = y + k_.bias.reshape({k_.d.groups, C_});
    return cast(map(y, k_.options.act, k_.options.a), k_.x.dtype()).reshape(k_.x.shape());
  }

  Gradients gradients(const Tensor& dz, const Wanted& wanted) const {
    const Tensor dy = cast(dz, param_dtype(dz.dtype())).reshape(view_);
    Gradients g(3);
    if (wanted[0]) g[0] = cast(input_gradient(dy), k_.x.dtype()).reshape(k_.x.shape());
    if (wanted[1]) g[1] = sum(dy * xhat_, {0, 1}).reshape(k_.weight.shape());
    if (wanted[2]) g[2] = sum(dy, {0, 1}).reshape(k_.bias.shape());
    return g;
  }

 private:
  /// Over the elements that share statistics.
  Tensor average(const Tensor& t) const { return k_.d.across_batch ? mean(t, {0, 1, 3}, true) : mean(t, {1, 3}, true); }
  Tensor input_gradient(const Tensor& dy) const {
    const Tensor g = weight_ ? dy * weight_ : dy;
    return k_.frozen ? g * rstd_ : (g - average(g) - xhat_ * average(g * xhat_)) * rstd_;
  }

  const Kept& k_;
  std::int64_t C_;
  Shape view_;
  Tensor rstd_, xhat_, weight_;
};

Gradients norm_gradients(const Kept& k, const Tensor& dy, const Wanted& wanted) {
  if (!recording({&dy, &k.x, &k.weight, &k.bias})) return fused_gradients(k, dy, wanted);
  const Composed composed(k);
  if (k.options.act == Map::identity) return composed.gradients(dy, wanted);
  return composed.gradients(activation_gradient(composed.output(), dy, k.options.act, k.options.a), wanted);
}

Tensor normalise(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormDims& d,
                 const NormOptions& options, const Moments& statistics, bool frozen, std::string_view op) {
  const Affine affine = fold(d, statistics, weight, bias, options.eps, false, x.dtype());
  Tensor y = run_apply(x, affine, d, options);
  const Kept kept{d, options, frozen, statistics, x, weight, bias};
  return record(std::move(y), op, {x, weight, bias},
                [kept](const Tensor& dy, const Wanted& wanted) { return norm_gradients(kept, dy, wanted); });
}

void check_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& o, std::string_view op) {
  check(x && (x.rank() == 4 || x.rank() == 2), op, ": expected x [N,H,W,C] or [N,C], got ", x.shape());
  check_param(weight, x.dim(-1), x.dtype(), op, "weight");
  check_param(bias, x.dim(-1), x.dtype(), op, "bias");
  check(static_cast<bool>(weight) == static_cast<bool>(bias), op, ": expected weight and bias, or neither");
  check_activation(o.act, o.a, op);
}

}  // namespace

NormDims norm_dims(const Shape& x, NormKind kind, int groups) {
  check(x.rank() == 4 || x.rank() == 2, "norm: expected x [N,H,W,C] or [N,C], got ", x);
  const std::int64_t C = x[-1];
  check(x.numel() > 0, "norm: expected at least one element, got ", x);
  check(kind != NormKind::group || (groups > 0 && C % groups == 0), "norm: groups ", groups, " must divide C ", C);
  const std::int64_t count = kind == NormKind::group ? groups : kind == NormKind::layer ? 1 : C;
  return {.N = x[0], .HW = x.numel() / x[0] / C, .C = C, .groups = count, .across_batch = kind == NormKind::batch};
}

Affine fold(const NormDims& d, const Moments& statistics, const Tensor& weight, const Tensor& bias, double eps,
            bool from_channels, DType data) {
  const ContextPtr& context = statistics.mean.context();
  const DType type = param_dtype(data);
  Affine a{Tensor::empty(context, {d.N, d.C}, type, NormFold::op),
           Tensor::empty(context, {d.N, d.C}, type, NormFold::op)};
  run(NormFold{.d = d,
               .eps = eps,
               .from_channels = from_channels,
               .mean = statistics.mean.ref(),
               .var = statistics.var.ref(),
               .weight = weight.ref(),
               .bias = bias.ref(),
               .scale = a.scale.ref(),
               .shift = a.shift.ref()},
      *context);
  return a;
}

Moments moments(const Tensor& x, NormKind kind, int groups) { return run_stats(x, norm_dims(x.shape(), kind, groups)); }

Moments merge_channels(const Moments& channels, NormKind kind, int groups) {
  check(channels.mean && channels.mean.rank() == 2 && channels.var && channels.var.shape() == channels.mean.shape(),
        "merge_channels: expected mean and var [N,C]");
  const NormDims d = norm_dims(channels.mean.shape(), kind, groups);
  if (d.groups == d.C && !d.across_batch) return channels;
  const Shape view{d.N, d.groups, d.C / d.groups}, statistics{d.rows(), d.groups};
  const auto average = [&](const Tensor& t) { return d.across_batch ? mean(t, {0, 2}, true) : mean(t, {2}, true); };
  const Tensor means = channels.mean.reshape(view), whole = average(means);
  const Tensor var = average(channels.var.reshape(view) + square(means - whole));
  return {whole.reshape(statistics), var.reshape(statistics)};
}

Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options) {
  check_norm(x, weight, bias, options, "norm");
  const NormDims d = norm_dims(x.shape(), options.kind, options.groups);
  return normalise(x, weight, bias, d, options, run_stats(x, d), false, "norm");
}

Tensor norm(const Tensor& x, const Moments& statistics, const Tensor& weight, const Tensor& bias,
            const NormOptions& options) {
  check_norm(x, weight, bias, options, "norm");
  const NormDims d = norm_dims(x.shape(), options.kind, options.groups);
  check(statistics.mean && statistics.var, "norm: expected mean and var, got an empty handle");
  check_param(statistics.mean, d.stats(), x.dtype(), "norm", "mean");
  check_param(statistics.var, d.stats(), x.dtype(), "norm", "var");
  return normalise(x, weight, bias, d, options, statistics, false, "norm");
}

Tensor norm_with(const Tensor& x, const Tensor& mean, const Tensor& var, const Tensor& weight, const Tensor& bias,
                 const NormOptions& options) {
  check_norm(x, weight, bias, options, "norm_with");
  check(mean && var, "norm_with: expected mean and var, got an empty handle");
  check_param(mean, x.dim(-1), x.dtype(), "norm_with", "mean");
  check_param(var, x.dim(-1), x.dtype(), "norm_with", "var");
  const NormDims d = norm_dims(x.shape(), NormKind::batch, 1);
  return normalise(x, weight, bias, d, options, {mean.detach(), var.detach()}, true, "norm_with");
}

}  // namespace sumi
