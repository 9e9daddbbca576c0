// Sums, means, maxima, and broadcasting as their transpose.
#include "kernels/reduce/reduce.h"

#include "tensor/autograd.h"
#include "tensor/ops.h"

namespace sumi {
namespace {

/// One bit per reduced side of x's own shape (bit 0: side 0).
unsigned axis_bits(const Tensor& x, std::initializer_list<int> axes, std::string_view op) {
  check(static_cast<bool>(x), op, ": expected a tensor, got an empty handle");
  if (axes.size() == 0) return (1u << x.rank()) - 1u;
  unsigned bits = 0;
  for (const int axis : axes) {
    const int i = axis < 0 ? axis + x.rank() : axis;
    check(i >= 0 && i < x.rank(), op, ": expected an axis of ", x.shape(), ", got ", axis);
    bits |= 1u << i;
  }
  return bits;
}

Shape reduced_shape(const Shape& s, unsigned bits, bool keep) {
  Shape out;
  for (int i = 0; i < s.rank(); i++)
    if (!(bits >> i & 1u))
      out.push_back(s[i]);
    else if (keep)
      out.push_back(1);
  return out;
}

Tensor run_reduce(const Tensor& x, unsigned bits, Reduction f, const Shape& shape) {
  Tensor y = Tensor::empty(x.context(), shape, x.dtype(), Reduce::op);
  run(
      Reduce{
          .f = f, .dims = x.shape().dims5(), .axes = bits << (Shape::kMaxRank - x.rank()), .x = x.ref(), .y = y.ref()},
      x.ctx());
  return y;
}

Tensor reduce(const Tensor& x, std::initializer_list<int> axes, bool keep, Reduction f, std::string_view op) {
  const unsigned bits = axis_bits(x, axes, op);
  const Shape kept = reduced_shape(x.shape(), bits, true);
  Tensor y = run_reduce(x, bits, f, reduced_shape(x.shape(), bits, keep));
  const double factor = f == Reduction::mean ? static_cast<double>(kept.numel()) / static_cast<double>(x.numel()) : 1.0;
  return record(std::move(y), op, {x}, [kept, factor, sx = x.shape()](const Tensor& dy, const Wanted&) -> Gradients {
    const Tensor g = dy.reshape(kept);
    return {broadcast_to(factor == 1 ? g : g * factor, sx)};
  });
}

/// The sides of `small` with leading ones to `rank`.
Shape aligned(const Shape& small, int rank) {
  Shape s;
  for (int i = 0; i < rank; i++) s.push_back(i < rank - small.rank() ? 1 : small[i - (rank - small.rank())]);
  return s;
}

void check_broadcast(const Shape& small, const Shape& large, std::string_view op) {
  bool ok = small.rank() <= large.rank();
  for (int i = 1; ok && i <= small.rank(); i++) ok = small[-i] == 1 || small[-i] == large[-i];
  check(ok, op, ": ", small, " does not broadcast to ", large);
}

}  // namespace

Tensor sum(const Tensor& x, std::initializer_list<int> axes, bool keep) {
  return reduce(x, axes, keep, Reduction::sum, "sum");
}

Tensor mean(const Tensor& x, std::initializer_list<int> axes, bool keep) {
  return reduce(x, axes, keep, Reduction::mean, "mean");
}

Tensor max(const Tensor& x, std::initializer_list<int> axes, bool keep) {
  const unsigned bits = axis_bits(x, axes, "max");
  check(!recording({&x}), "max: expected a tensor without a history, or NoGrad: it has no gradient");
  return run_reduce(x, bits, Reduction::max, reduced_shape(x.shape(), bits, keep));
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check_broadcast(shape, x.shape(), "sum_to");
  const Shape kept = aligned(shape, x.rank());
  if (kept == x.shape()) return x.reshape(shape);
  unsigned bits = 0;
  for (int i = 0; i < x.rank(); i++)
    if (kept[i] != x.dim(i)) bits |= 1u << i;
  return record(run_reduce(x, bits, Reduction::sum, shape), "sum_to", {x},
                [sx = x.shape()](const Tensor& dy, const Wanted&) -> Gradients { return {broadcast_to(dy, sx)}; });
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check_broadcast(x.shape(), shape, "broadcast_to");
  const Shape from = aligned(x.shape(), shape.rank());
  if (from == shape) return x.reshape(shape);
  Shape repeats;  // zeros on the repeated sides only: their sum with x is x repeated
  for (int i = 0; i < shape.rank(); i++) repeats.push_back(from[i] == 1 ? shape[i] : 1);
  const Tensor zeros = Tensor::zeros(x.context(), repeats, x.dtype());
  return record(add(x.detach(), zeros), "broadcast_to", {x},
                [sx = x.shape()](const Tensor& dy, const Wanted&) -> Gradients { return {sum_to(dy, sx)}; });
}

}  // namespace sumi
