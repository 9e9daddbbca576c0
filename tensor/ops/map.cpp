// Elementwise maps.
#include "kernels/map/map.h"

#include "tensor/history.h"
#include "tensor/ops/gradients.h"

namespace sumi {
namespace {

Tensor run_forward(const Tensor& x, Map f, double a) {
  check(static_cast<bool>(x), name_of(f), ": expected a tensor, got an empty handle");
  Tensor y = Tensor::empty(x.context(), x.shape(), x.dtype(), MapForward::op);
  run(MapForward{.f = f, .a = a, .n = x.numel(), .x = x.ref(), .y = y.ref()}, x.ctx());
  return y;
}

Tensor run_backward(const Tensor& x, const Tensor& dy, Map f, double a) {
  Tensor dx = Tensor::empty(x.context(), x.shape(), x.dtype(), MapBackward::op);
  run(MapBackward{.f = f, .a = a, .n = x.numel(), .x = x.ref(), .dy = dy.ref(), .dx = dx.ref()}, x.ctx());
  return dx;
}

/// dy * f'(x) for a piecewise linear f: recorded as linear in dy, and in dy's memory where nobody else holds it.
Tensor masked(const Tensor& x, const Tensor& dy, Map f, double a) {
  const Tensor dx =
      TensorHistory::is_shared(dy) ? Tensor::empty(dy.context(), dy.shape(), dy.dtype(), MapBackward::op) : dy.detach();
  run(MapBackward{.f = f, .a = a, .n = x.numel(), .x = x.ref(), .dy = dy.ref(), .dx = dx.ref()}, x.ctx());
  dx.touch();
  return record(dx, "masked", {dy}, [=](const Tensor& g, const Wanted&) -> Gradients { return {masked(x, g, f, a)}; });
}

/// `above` for x > 0, below * exp(x) elsewhere.
Tensor exponential_derivative(const Tensor& x, double above, double below) {
  const Tensor positive = map(x, Map::step);
  return positive * above + (positive * -1 + 1) * exp(-relu(-x)) * below;
}

/// f'(x) of the smooth functions, composed of recorded ops.
Tensor derivative(const Tensor& x, Map f, double a) {
  switch (f) {
    case Map::tanh:
      return -square(tanh(x)) + 1;
    case Map::sigmoid: {
      const Tensor y = sigmoid(x);
      return y - square(y);
    }
    case Map::square:
      return x * 2;
    case Map::sqrt:
      return rsqrt(x) * 0.5;
    case Map::rsqrt:
      return power(x, -1.5) * -0.5;
    case Map::exp:
      return exp(x);
    case Map::log:
      return map(x, Map::reciprocal);
    case Map::reciprocal:
      return -square(map(x, Map::reciprocal));
    case Map::softplus:
      return sigmoid(x);
    case Map::elu:
      return exponential_derivative(x, 1, a);
    case Map::selu:
      return exponential_derivative(x, 1.0507009873554805, 1.0507009873554805 * 1.6732632423543772);
    case Map::power:
      return power(x, a - 1) * a;
    default:
      fail("map: ", name_of(f), " has no composed derivative");
  }
}

/// How dx follows from dy.
enum class Kind : std::uint8_t { pass, scaled, piecewise, none, smooth };
Kind kind_of(Map f) {
  switch (f) {
    case Map::identity:
    case Map::shift:
      return Kind::pass;
    case Map::negate:
    case Map::scale:
      return Kind::scaled;
    case Map::relu:
    case Map::leaky_relu:
    case Map::abs:
      return Kind::piecewise;
    case Map::step:
    case Map::sign:
      return Kind::none;
    default:
      return Kind::smooth;
  }
}

/// `x` may be an output where its sign is all that counts; empty where dx does not depend on it.
Tensor map_gradient(const Tensor& x, const Tensor& dy, Map f, double a) {
  switch (kind_of(f)) {
    case Kind::pass:
      return dy;
    case Kind::scaled:
      return scale(dy, f == Map::negate ? -1 : a);
    case Kind::piecewise:
      return masked(x.detach(), dy, f, a);
    case Kind::none:
      return {};
    case Kind::smooth:
      break;
  }
  return recording({&x, &dy}) ? dy * derivative(x, f, a) : run_backward(x, dy, f, a);
}

}  // namespace

Tensor map(const Tensor& x, Map f, double a) {
  Tensor y = run_forward(x, f, a);
  const Kind kind = kind_of(f);
  if (kind == Kind::none) return y;
  // The output has the input's sign, and the next op keeps it anyway: x may go.
  const bool from_output = f == Map::relu || (f == Map::leaky_relu && a >= 0);
  const Tensor kept = from_output ? y : kind == Kind::piecewise || kind == Kind::smooth ? x : Tensor{};
  return record(std::move(y), name_of(f), {x},
                [=](const Tensor& dy, const Wanted&) -> Gradients { return {map_gradient(kept, dy, f, a)}; });
}

Tensor activation_gradient(const Tensor& y, const Tensor& dy, Map act, double a) {
  switch (act) {
    case Map::identity:
      return dy;
    case Map::tanh:
      return dy * (-square(y) + 1);
    case Map::sigmoid:
      return dy * (y * (-y + 1));  // y - square(y) would cancel in 16 bits
    default:
      return masked(y.detach(), dy, act, a);
  }
}

Tensor relu(const Tensor& x) { return map(x, Map::relu); }
Tensor leaky_relu(const Tensor& x, double slope) { return map(x, Map::leaky_relu, slope); }
Tensor tanh(const Tensor& x) { return map(x, Map::tanh); }
Tensor sigmoid(const Tensor& x) { return map(x, Map::sigmoid); }
Tensor exp(const Tensor& x) { return map(x, Map::exp); }
Tensor log(const Tensor& x) { return map(x, Map::log); }
Tensor sqrt(const Tensor& x) { return map(x, Map::sqrt); }
Tensor rsqrt(const Tensor& x) { return map(x, Map::rsqrt); }
Tensor square(const Tensor& x) { return map(x, Map::square); }
Tensor abs(const Tensor& x) { return map(x, Map::abs); }
Tensor power(const Tensor& x, double exponent) { return map(x, Map::power, exponent); }
Tensor scale(const Tensor& x, double factor) { return map(x, Map::scale, factor); }
Tensor shift(const Tensor& x, double amount) { return map(x, Map::shift, amount); }

}  // namespace sumi
