// Softmax over the last axis.
#include "kernels/softmax/softmax.h"

#include "tensor/autograd.h"
#include "tensor/ops.h"

namespace sumi {
namespace {

Tensor run_forward(const Tensor& x, bool log) {
  check(x && x.rank() >= 1 && x.dim(-1) > 0, "softmax: expected at least one side, got ", x.shape());
  Tensor y = Tensor::empty(x.context(), x.shape(), x.dtype(), SoftmaxForward::op);
  const std::int64_t columns = x.dim(-1);
  run(SoftmaxForward{.rows = x.numel() / columns, .columns = columns, .log = log, .x = x.ref(), .y = y.ref()}, x.ctx());
  return y;
}

Tensor run_backward(const Tensor& y, const Tensor& dy, bool log) {
  Tensor dx = Tensor::empty(y.context(), y.shape(), y.dtype(), SoftmaxBackward::op);
  const std::int64_t columns = y.dim(-1);
  run(
      SoftmaxBackward{
          .rows = y.numel() / columns, .columns = columns, .log = log, .y = y.ref(), .dy = dy.ref(), .dx = dx.ref()},
      y.ctx());
  return dx;
}

}  // namespace

Tensor softmax(const Tensor& x) {
  Tensor y = run_forward(x, false);
  const Tensor kept = y;
  return record(std::move(y), "softmax", {x}, [x, kept](const Tensor& dy, const Wanted&) -> Gradients {
    if (!recording({&x, &dy})) return {run_backward(kept, dy, false)};
    const Tensor s = softmax(x);
    return {s * (dy - sum(dy * s, {-1}, true))};
  });
}

Tensor log_softmax(const Tensor& x) {
  Tensor y = run_forward(x, true);
  const Tensor kept = y;
  return record(std::move(y), "log_softmax", {x}, [x, kept](const Tensor& dy, const Wanted&) -> Gradients {
    if (!recording({&x, &dy})) return {run_backward(kept, dy, true)};
    return {dy - softmax(x) * sum(dy, {-1}, true)};
  });
}

}  // namespace sumi
