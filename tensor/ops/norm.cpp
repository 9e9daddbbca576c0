// Normalisation: statistics, fold, one apply pass; a fused backward and the composed one that can be differentiated.
#include "kernels/norm/norm.h"

#include <algorithm>

#include "tensor/ops/gradients.h"
#include "tensor/ops/norm_dims.h"

namespace sumi {

/// Not its output: an activation's derivative is taken at what x gives again. With `frozen`, the statistics are
/// constants.
struct RecordedNorm {
  std::string_view op;
  NormDims d;
  NormOptions options;
  bool frozen = false;
  Moments statistics;
  Tensor x, weight, bias;
};

namespace {

Moments empty_stats(const Tensor& x, const NormDims& d) {
  const Shape shape{d.rows(), d.groups};
  const DType type = param_dtype(x.dtype());
  return {Tensor::empty(x.context(), shape, type, NormStats::op),
          Tensor::empty(x.context(), shape, type, NormStats::op)};
}

Moments run_stats(const Tensor& x, const NormDims& d) {
  Moments m = empty_stats(x, d);
  run(NormStats{.d = d, .x = x.ref(), .mean = m.mean.ref(), .var = m.var.ref()}, x.ctx());
  return m;
}

/// Of a normalisation and what changes its size behind it.
struct Kept {
  RecordedNorm norm;
  ApplyOptions behind;
};

/// Without dy and results.
NormBackward gradient_of(const RecordedNorm& n, const ApplyOptions& behind) {
  return {.d = n.d,
          .eps = n.options.eps,
          .frozen = n.frozen,
          .act = n.options.act,
          .a = n.options.a,
          .W = n.x.rank() == 4 ? n.x.dim(2) : 1,
          .upsample = behind.upsample,
          .pad = behind.pad,
          .pad_mode = behind.pad_mode,
          .x = n.x.ref(),
          .mean = n.statistics.mean.ref(),
          .var = n.statistics.var.ref(),
          .weight = n.weight.ref(),
          .bias = n.bias.ref()};
}

Gradients fused_gradients(const Kept& k, const Tensor& dy, const Wanted& wanted) {
  const auto like = [](const Tensor& t) { return Tensor::empty(t.context(), t.shape(), t.dtype(), NormBackward::op); };
  NormBackward args = gradient_of(k.norm, k.behind);
  Gradients g(4);
  if (wanted[0]) g[0] = like(k.norm.x);
  if (wanted[1]) g[1] = like(k.norm.weight);
  if (wanted[2]) g[2] = like(k.norm.bias);
  args.dy = dy.ref(), args.dx = g[0].ref(), args.dweight = g[1].ref(), args.dbias = g[2].ref();
  if (wanted[3]) g[3] = args.resized() ? like(k.norm.x) : dy;
  if (args.resized()) args.dresidual = g[3].ref();
  run(args, dy.ctx());
  return g;
}

/// The formulas of NormBackward and of the forward in recorded ops, on [N, HW, groups, C/groups].
class Composed {
 public:
  Composed(const RecordedNorm& k) : k_(k), C_(k.d.C / k.d.groups), view_{k.d.N, k.d.HW, k.d.groups, C_} {
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
    Gradients g(4);
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

  const RecordedNorm& k_;
  std::int64_t C_;
  Shape view_;
  Tensor rstd_, xhat_, weight_;
};

/// dy at the norm's size.
Tensor resized_gradient(Tensor dy, const RecordedNorm& n, const ApplyOptions& o) {
  const NormBackward b = gradient_of(n, o);
  if (!b.resized()) return dy;
  const Dims4 d = image_dims(n.x, n.op), enlarged{d.N, b.up() * d.H, b.up() * d.W, d.C};
  if (o.pad != Pad4{}) dy = pad_gradient(dy, enlarged, o.pad, o.pad_mode);
  return b.up() == 1 ? dy : resample_gradient(dy, {.d = d, .P = enlarged.H, .Q = enlarged.W});
}

Gradients norm_gradients(const Kept& k, const Tensor& dy, const Wanted& wanted) {
  const RecordedNorm& n = k.norm;
  if (!recording({&dy, &n.x, &n.weight, &n.bias})) return fused_gradients(k, dy, wanted);
  const Tensor dz = resized_gradient(dy, n, k.behind);
  const Tensor dresidual = wanted[3] ? dz : Tensor{};  // held, so that no mask is applied in place
  const Composed composed(n);
  const bool plain = n.options.act == Map::identity;
  Gradients g =
      composed.gradients(plain ? dz : activation_gradient(composed.output(), dz, n.options.act, n.options.a), wanted);
  g[3] = dresidual;
  return g;
}

Pending pending(const RecordedNorm& n, const Affine& affine) {
  Pending p(n.x);
  p.scale = affine.scale, p.shift = affine.shift, p.act = n.options.act, p.a = n.options.a;
  p.norm = std::make_shared<const RecordedNorm>(n);
  return p;
}

Pending pending(const RecordedNorm& n) {
  return pending(n, fold(n.d, n.statistics, n.weight, n.bias, n.options.eps, n.x.dtype()));
}

void check_moments(const Moments& m, std::int64_t count, DType data, std::string_view op) {
  check(m.mean && m.var, op, ": expected mean and var, got an empty handle");
  check_param(m.mean, count, data, op, "mean");
  check_param(m.var, count, data, op, "var");
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

bool resizes_at_once(const Pending& p, const ApplyOptions& o) {
  if (!p.norm || std::min({o.pad.top, o.pad.bottom, o.pad.left, o.pad.right}) < 0) return false;
  const NormBackward plain = gradient_of(*p.norm, {}), resized = gradient_of(*p.norm, o);
  if (!resized.resized()) return true;
  const auto row_of = [&](const NormBackward& a) {
    return std::ranges::find_if(NormBackward::table(),
                                [&](const auto& row) { return can_run(row, a, p.x.ctx().device()); });
  };
  const auto row = row_of(resized), reference = NormBackward::table().end() - 1;
  return row < reference || (row == reference && row_of(plain) == reference);
}

Affine fold(const NormDims& d, const Moments& statistics, const Tensor& weight, const Tensor& bias, double eps,
            DType data, bool from_channels, const Moments& merged) {
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
               .shift = a.shift.ref(),
               .merged_mean = merged.mean.ref(),
               .merged_var = merged.var.ref()},
      *context);
  return a;
}

Moments moments(const Tensor& x, NormKind kind, int groups) { return run_stats(x, norm_dims(x.shape(), kind, groups)); }

Pending norm_pending(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options,
                     const Moments* channels) {
  check_norm(x, weight, bias, options, "norm");
  const NormDims d = norm_dims(x.shape(), options.kind, options.groups);
  if (!channels) return pending({"norm", d, options, false, run_stats(x, d), x, weight, bias});
  check_moments(*channels, d.N * d.C, x.dtype(), "norm");
  const Moments statistics = empty_stats(x, d);
  const Affine affine = fold(d, *channels, weight, bias, options.eps, x.dtype(), true, statistics);
  return pending({"norm", d, options, false, statistics, x, weight, bias}, affine);
}

Tensor apply_norm(const Pending& p, const ApplyOptions& o) {
  const RecordedNorm& n = *p.norm;
  return record(
      run_apply(p, o), n.op, {n.x, n.weight, n.bias, p.residual},
      [kept = Kept{n, o}](const Tensor& dy, const Wanted& wanted) { return norm_gradients(kept, dy, wanted); });
}

Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options) {
  return apply_norm(norm_pending(x, weight, bias, options), {});
}

Tensor norm(const Tensor& x, const Moments& statistics, const Tensor& weight, const Tensor& bias,
            const NormOptions& options) {
  check_norm(x, weight, bias, options, "norm");
  const NormDims d = norm_dims(x.shape(), options.kind, options.groups);
  check_moments(statistics, d.stats(), x.dtype(), "norm");
  return apply_norm(pending({"norm", d, options, false, statistics, x, weight, bias}), {});
}

Tensor norm_with(const Tensor& x, const Tensor& mean, const Tensor& var, const Tensor& weight, const Tensor& bias,
                 const NormOptions& options) {
  check_norm(x, weight, bias, options, "norm_with");
  check_moments({mean, var}, x.dim(-1), x.dtype(), "norm_with");
  const NormDims d = norm_dims(x.shape(), NormKind::batch, 1);
  return apply_norm(pending({"norm_with", d, options, true, {mean.detach(), var.detach()}, x, weight, bias}), {});
}

}  // namespace sumi
