// Conversion between dtypes.
#include "kernels/cast/cast.h"

#include "tensor/autograd.h"
#include "tensor/history.h"
#include "tensor/ops.h"

namespace sumi {

Tensor cast(const Tensor& x, DType dtype) {
  check(static_cast<bool>(x), "cast: expected a tensor, got an empty handle");
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.context(), x.shape(), dtype, Cast::op);
  run(Cast{.n = x.numel(), .x = x.ref(), .y = y.ref()}, x.ctx());
  y = record(std::move(y), "cast", {x},
             [to = param_dtype(x.dtype())](const Tensor& dy, const Wanted&) -> Gradients { return {cast(dy, to)}; });
  if (Node* node = TensorHistory::node(y).get()) node->wide = true;
  return y;
}

}  // namespace sumi
