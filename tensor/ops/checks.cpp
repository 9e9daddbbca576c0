#include "tensor/ops/gradients.h"

namespace sumi {

Dims4 image_dims(const Tensor& x, std::string_view op) {
  check(static_cast<bool>(x), op, ": expected x [N,H,W,C], got an empty tensor");
  check(x.rank() == 4, op, ": expected x [N,H,W,C], got ", x.shape());
  return {x.dim(0), x.dim(1), x.dim(2), x.dim(3)};
}

void check_param(const Tensor& t, std::int64_t count, DType data, std::string_view op, std::string_view name) {
  if (!t) return;
  check(t.numel() == count, op, ": expected ", name, " of ", count, " elements, got ", t.shape());
  check(t.dtype() == param_dtype(data), op, ": expected ", name, " in ", name_of(param_dtype(data)), ", got ",
        name_of(t.dtype()));
}

void check_activation(Map act, double a, std::string_view op) {
  check(is_activation(act), op, ": expected an activation, got ", name_of(act));
  check(act != Map::leaky_relu || a >= 0, op, ": expected a leaky_relu slope of at least 0, got ", a);
}

}  // namespace sumi
