// Losses: one-element results in the param dtype.
#include "kernels/loss/loss.h"

#include "tensor/ops/gradients.h"

namespace sumi {
namespace {

struct Settings {
  Loss f;
  double delta;
};

/// f'(x - target) in recorded ops.
Tensor slope(const Tensor& difference, const Settings& s) {
  if (s.f == Loss::mse) return difference * 2;
  if (s.f == Loss::l1) return map(difference, Map::sign);
  const auto limit = [&](double v) { return Tensor::full(difference.context(), {1}, v, difference.dtype()); };
  return minimum(maximum(difference, limit(-s.delta)), limit(s.delta));
}

Tensor loss_gradient(const Tensor& x, const Tensor& target, const Tensor& dloss, const Settings& s) {
  if (recording({&x, &target, &dloss}))
    return slope(x - target, s) * (cast(dloss, x.dtype()) * (1.0 / static_cast<double>(x.numel())));
  Tensor dx = Tensor::empty(x.context(), x.shape(), x.dtype(), LossBackward::op);
  run(LossBackward{.f = s.f,
                   .delta = s.delta,
                   .n = x.numel(),
                   .x = x.ref(),
                   .target = target.ref(),
                   .dloss = dloss.ref(),
                   .dx = dx.ref()},
      x.ctx());
  return dx;
}

Tensor loss_of(const Tensor& x, const Tensor& target, const Settings& s, std::string_view op) {
  check(x && target, op, ": expected x and target, got an empty handle");
  check(x.shape() == target.shape(), op, ": x is ", x.shape(), ", target is ", target.shape());
  check(x.dtype() == target.dtype(), op, ": x is ", name_of(x.dtype()), ", target is ", name_of(target.dtype()));
  Tensor loss = Tensor::empty(x.context(), {1}, param_dtype(x.dtype()), LossForward::op);
  run(LossForward{.f = s.f, .delta = s.delta, .n = x.numel(), .x = x.ref(), .target = target.ref(), .loss = loss.ref()},
      x.ctx());
  return record(std::move(loss), op, {x, target}, [x, target, s](const Tensor& dloss, const Wanted& wanted) {
    const Tensor dx = loss_gradient(x, target, dloss, s);
    return Gradients{wanted[0] ? dx : Tensor{}, wanted[1] ? -dx : Tensor{}};
  });
}

/// One direction of total variation's gradient in recorded ops: `first` and `second` crop to the two neighbours.
Tensor direction_gradient(const Tensor& x, const Tensor& dloss, int p, const Pad4& first, const Pad4& second) {
  const Tensor difference = pad(x, second, PadMode::zero) - pad(x, first, PadMode::zero);
  const Tensor slope = p == 1 ? map(difference, Map::sign) : difference * 2;
  const Tensor g = slope * (cast(dloss, x.dtype()) * (1.0 / static_cast<double>(difference.numel())));
  const auto back = [](const Pad4& c) { return Pad4{-c.top, -c.bottom, -c.left, -c.right}; };
  return pad(g, back(second), PadMode::zero) - pad(g, back(first), PadMode::zero);
}

Tensor composed_variation_gradient(const Tensor& x, const Tensor& dloss, int p) {
  Tensor dx;
  if (x.dim(1) > 1) dx = direction_gradient(x, dloss, p, {0, -1, 0, 0}, {-1, 0, 0, 0});
  if (x.dim(2) > 1) {
    const Tensor horizontal = direction_gradient(x, dloss, p, {0, 0, 0, -1}, {0, 0, -1, 0});
    dx = dx ? dx + horizontal : horizontal;
  }
  return dx;
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target) { return loss_of(x, target, {Loss::mse, 1}, "mse_loss"); }

Tensor l1_loss(const Tensor& x, const Tensor& target) { return loss_of(x, target, {Loss::l1, 1}, "l1_loss"); }

Tensor huber_loss(const Tensor& x, const Tensor& target, double delta) {
  check(delta > 0, "huber_loss: expected a positive delta, got ", delta);
  return loss_of(x, target, {Loss::huber, delta}, "huber_loss");
}

Tensor total_variation(const Tensor& x, int p) {
  const Dims4 d = image_dims(x, "total_variation");
  check(p == 1 || p == 2, "total_variation: expected p 1 or 2, got ", p);
  Tensor loss = Tensor::empty(x.context(), {1}, param_dtype(x.dtype()), TotalVariationForward::op);
  run(TotalVariationForward{.d = d, .p = p, .x = x.ref(), .loss = loss.ref()}, x.ctx());
  return record(std::move(loss), "total_variation", {x}, [x, d, p](const Tensor& dloss, const Wanted&) -> Gradients {
    if (recording({&x, &dloss})) return {composed_variation_gradient(x, dloss, p)};
    Tensor dx = Tensor::empty(x.context(), x.shape(), x.dtype(), TotalVariationBackward::op);
    run(TotalVariationBackward{.d = d, .p = p, .x = x.ref(), .dloss = dloss.ref(), .dx = dx.ref()}, x.ctx());
    return {dx};
  });
}

}  // namespace sumi
