#include "gan/gatys.h"

#include <algorithm>

#include "nn/lbfgs.h"
#include "nn/optim.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

/// L-BFGS drops curvature pairs with s.y below 1e-10 and stops at gradients below 1e-7, so a loss that is a mean over
/// pixels must be scaled up to something like a sum.
constexpr double kLossScale = 1e5;

/// With a line search: a strong style's Gram loss is of fourth degree, and a full step now and then lands where pixels
/// are so large that nothing moves any more.
void run_lbfgs(Tensor& x, const std::function<double()>& evaluate, const GatysOptions& o) {
  Lbfgs optimizer(
      {&x}, {.max_iterations = o.iterations, .max_evaluations = o.iterations, .line_search = LineSearch::strong_wolfe});
  optimizer.step(evaluate);
}

void run_adam(Tensor& x, const std::function<double()>& evaluate, const GatysOptions& o) {
  Optimizer optimizer({&x}, adam(o.adam_lr));
  for (int i = 0; i < o.iterations; i++) {
    evaluate();
    optimizer.step();
  }
}

}  // namespace

Tensor paint_by_optimization(const PerceptualLoss& loss, const Tensor& photo, const Tensor& start,
                             const GatysOptions& o) {
  check(photo.shape() == start.shape(), "gatys: photo is ", photo.shape(), ", start is ", start.shape());
  const PerceptualLoss::Features content = loss.content_of(photo);
  Tensor x = scale(start, 1.0 / 255).clone();  // pixels 0..1: about 1, as the first step's length assumes
  x.set_requires_grad();
  int evaluations = 0;
  const auto evaluate = [&] {
    x.set_grad({});
    const Tensor total = loss(scale(x, 255), content).total;
    backward(scale(total, kLossScale), {}, History::release);
    const double value = total.item();
    if (o.on_evaluation) o.on_evaluation(++evaluations, value);
    return value * kLossScale;
  };
  if (o.optimizer == PictureOptimizer::lbfgs)
    run_lbfgs(x, evaluate, o);
  else
    run_adam(x, evaluate, o);
  return scale(x.detach(), 255);
}

}  // namespace sumi
