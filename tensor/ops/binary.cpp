// Two tensors with broadcasting.
#include "kernels/binary/binary.h"

#include "tensor/autograd.h"
#include "tensor/ops.h"

namespace sumi {
namespace {

std::string_view name_of(BinaryOp f) {
  constexpr std::string_view names[] = {"add", "subtract", "multiply", "divide", "maximum", "minimum", "greater"};
  return names[static_cast<int>(f)];
}

Shape broadcast_shape(const Shape& a, const Shape& b, BinaryOp f) {
  Shape shape;
  for (int i = -std::max(a.rank(), b.rank()); i < 0; i++) {
    const std::int64_t sa = -i > a.rank() ? 1 : a[i], sb = -i > b.rank() ? 1 : b[i];
    check(sa == sb || sa == 1 || sb == 1, name_of(f), ": ", a, " and ", b, " do not broadcast");
    shape.push_back(sa == 1 ? sb : sa);
  }
  return shape;
}

Tensor run_binary(const Tensor& a, const Tensor& b, BinaryOp f) {
  check(a && b, name_of(f), ": expected two tensors, got an empty handle");
  check(a.dtype() == b.dtype(), name_of(f), ": a is ", sumi::name_of(a.dtype()), ", b is ", sumi::name_of(b.dtype()));
  Tensor y = Tensor::empty(a.context(), broadcast_shape(a.shape(), b.shape(), f), a.dtype(), Binary::op);
  run(
      Binary{
          .f = f, .a_dims = a.shape().dims5(), .b_dims = b.shape().dims5(), .a = a.ref(), .b = b.ref(), .y = y.ref()},
      a.ctx());
  return y;
}

/// The larger or smaller of two: `mask` is 1 where b wins. Ties go to a.
Tensor choose(const Tensor& a, const Tensor& b, BinaryOp f) {
  Tensor y = run_binary(a, b, f);
  if (!recording({&a, &b})) return y;
  const bool max = f == BinaryOp::maximum;
  const Tensor mask = max ? run_binary(b, a, BinaryOp::greater) : run_binary(a, b, BinaryOp::greater);
  return record(std::move(y), name_of(f), {a, b},
                [mask, sa = a.shape(), sb = b.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
                  const Tensor db = dy * mask;
                  return {wanted[0] ? sum_to(dy - db, sa) : Tensor{}, wanted[1] ? sum_to(db, sb) : Tensor{}};
                });
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return record(run_binary(a, b, BinaryOp::add), "add", {a, b},
                [sa = a.shape(), sb = b.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? sum_to(dy, sa) : Tensor{}, wanted[1] ? sum_to(dy, sb) : Tensor{}};
                });
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  return record(run_binary(a, b, BinaryOp::subtract), "subtract", {a, b},
                [sa = a.shape(), sb = b.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? sum_to(dy, sa) : Tensor{}, wanted[1] ? -sum_to(dy, sb) : Tensor{}};
                });
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  Tensor y = run_binary(a, b, BinaryOp::multiply);
  const Tensor keep_a = b.requires_grad() ? a : Tensor{}, keep_b = a.requires_grad() ? b : Tensor{};
  return record(
      std::move(y), "multiply", {a, b},
      [keep_a, keep_b, sa = a.shape(), sb = b.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
        return {wanted[0] ? sum_to(dy * keep_b, sa) : Tensor{}, wanted[1] ? sum_to(dy * keep_a, sb) : Tensor{}};
      });
}

Tensor divide(const Tensor& a, const Tensor& b) {
  Tensor y = run_binary(a, b, BinaryOp::divide);
  const Tensor keep_a = b.requires_grad() ? a : Tensor{};
  return record(
      std::move(y), "divide", {a, b}, [keep_a, b, sa = a.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
        const Tensor da = dy / b;
        return {wanted[0] ? sum_to(da, sa) : Tensor{}, wanted[1] ? -sum_to(da * (keep_a / b), b.shape()) : Tensor{}};
      });
}

Tensor maximum(const Tensor& a, const Tensor& b) { return choose(a, b, BinaryOp::maximum); }
Tensor minimum(const Tensor& a, const Tensor& b) { return choose(a, b, BinaryOp::minimum); }

}  // namespace sumi
