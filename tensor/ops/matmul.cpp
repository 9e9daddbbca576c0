// Matrix products: matmul, linear layers, Gram matrices; the transpose.
#include "kernels/gemm/gemm.h"
#include "kernels/transpose/transpose.h"
#include "tensor/ops/gradients.h"

namespace sumi {
namespace {

/// A matrix or a batch of them: stored rows and columns.
struct Matrices {
  std::int64_t batch, rows, columns;
};

Matrices matrices(const Tensor& t, std::string_view op, std::string_view name) {
  check(static_cast<bool>(t), op, ": expected ", name, " of rank 2 or 3, got an empty handle");
  check(t.rank() == 2 || t.rank() == 3, op, ": expected ", name, " of rank 2 or 3, got ", t.shape());
  return {t.rank() == 3 ? t.dim(0) : 1, t.dim(-2), t.dim(-1)};
}

Gemm gemm_of(const Tensor& a, const Tensor& b, const GemmOptions& o) {
  const Matrices ma = matrices(a, "matmul", "a"), mb = matrices(b, "matmul", "b");
  Gemm g{.batch = std::max(ma.batch, mb.batch),
         .M = o.transpose_a ? ma.columns : ma.rows,
         .N = o.transpose_b ? mb.rows : mb.columns,
         .K = o.transpose_a ? ma.rows : ma.columns,
         .transpose_a = o.transpose_a,
         .transpose_b = o.transpose_b,
         .alpha = o.alpha,
         .a = a.ref(),
         .b = b.ref()};
  g.shared_a = ma.batch == 1 && g.batch > 1;
  g.shared_b = mb.batch == 1 && g.batch > 1;
  const std::int64_t inner_b = o.transpose_b ? mb.columns : mb.rows;
  check(g.K == inner_b, "matmul: a ", a.shape(), " has ", g.K, " columns, b ", b.shape(), " has ", inner_b, " rows");
  check(ma.batch == mb.batch || ma.batch == 1 || mb.batch == 1, "matmul: batches differ, a ", a.shape(), ", b ",
        b.shape());
  check(a.dtype() == b.dtype(), "matmul: a is ", name_of(a.dtype()), ", b is ", name_of(b.dtype()));
  return g;
}

/// Sums a batch of gradients for an operand that served the whole batch.
Tensor to_operand(const Tensor& g, const Shape& shape) {
  if (g.rank() == shape.rank()) return sum_to(g, shape);
  return g.rank() > shape.rank() ? sum_to(g, Shape{1, shape[0], shape[1]}).reshape(shape) : g.reshape(shape);
}

Tensor gradient_of_a(const Tensor& b, const Tensor& dy, const GemmOptions& o) {
  return o.transpose_a ? matmul(b, dy, {.transpose_a = o.transpose_b, .transpose_b = true, .alpha = o.alpha})
                       : matmul(dy, b, {.transpose_a = false, .transpose_b = !o.transpose_b, .alpha = o.alpha});
}

Tensor gradient_of_b(const Tensor& a, const Tensor& dy, const GemmOptions& o) {
  return o.transpose_b ? matmul(dy, a, {.transpose_a = true, .transpose_b = o.transpose_a, .alpha = o.alpha})
                       : matmul(a, dy, {.transpose_a = !o.transpose_a, .transpose_b = false, .alpha = o.alpha});
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const GemmOptions& options) {
  Gemm gemm = gemm_of(a, b, options);
  const bool batched = a.rank() == 3 || b.rank() == 3;
  Tensor y = Tensor::empty(a.context(), batched ? Shape{gemm.batch, gemm.M, gemm.N} : Shape{gemm.M, gemm.N}, a.dtype(),
                           Gemm::op);
  gemm.y = y.ref();
  run(gemm, a.ctx());
  const Tensor keep_a = b.requires_grad() ? a : Tensor{}, keep_b = a.requires_grad() ? b : Tensor{};
  return record(
      std::move(y), "matmul", {a, b},
      [keep_a, keep_b, options, sa = a.shape(), sb = b.shape()](const Tensor& dy, const Wanted& wanted) -> Gradients {
        return {wanted[0] ? to_operand(gradient_of_a(keep_b, dy, options), sa) : Tensor{},
                wanted[1] ? to_operand(gradient_of_b(keep_a, dy, options), sb) : Tensor{}};
      });
}

Tensor transpose(const Tensor& x) {
  const Matrices m = matrices(x, "transpose", "x");
  const Shape shape = x.rank() == 3 ? Shape{m.batch, m.columns, m.rows} : Shape{m.columns, m.rows};
  Tensor y = Tensor::empty(x.context(), shape, x.dtype(), Transpose::op);
  run(Transpose{.batch = m.batch, .rows = m.rows, .columns = m.columns, .x = x.ref(), .y = y.ref()}, x.ctx());
  return record(std::move(y), "transpose", {x},
                [](const Tensor& dy, const Wanted&) -> Gradients { return {transpose(dy)}; });
}

Tensor gram(const Tensor& x, double factor) {
  const Dims4 d = image_dims(x, "gram");
  const double alpha = factor == 0 ? 1.0 / static_cast<double>(d.H * d.W * d.C) : factor;
  const Shape rows{d.N, d.H * d.W, d.C};
  const Tensor pixels = x.detach().reshape(rows);
  Tensor y = matmul(pixels, pixels, {.transpose_a = true, .alpha = alpha});
  return record(std::move(y), "gram", {x}, [x, rows, alpha](const Tensor& dy, const Wanted&) -> Gradients {
    const Tensor symmetric = dy + transpose(dy);
    return {matmul(x.reshape(rows), symmetric, {.alpha = alpha}).reshape(x.shape())};
  });
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x && weight && x.rank() == 2 && weight.rank() == 2, "linear: expected x [M,K] and weight [N,K], got ",
        x.shape(), " and ", weight.shape());
  check(x.dim(1) == weight.dim(1), "linear: x has ", x.dim(1), " features, weight wants ", weight.dim(1));
  check_param(bias, weight.dim(0), x.dtype(), "linear", "bias");
  Gemm gemm = gemm_of(x, weight, {.transpose_b = true});
  Tensor y = Tensor::empty(x.context(), {gemm.M, gemm.N}, x.dtype(), Gemm::op);
  gemm.y = y.ref();
  gemm.bias = bias.ref();
  run(gemm, x.ctx());
  const Tensor keep_x = weight.requires_grad() ? x : Tensor{}, keep_w = x.requires_grad() ? weight : Tensor{};
  // As filters' gradients, the weight's is f32 whatever the weight: optimizers step f32 masters.
  return record(std::move(y), "linear", {x, weight, bias},
                [keep_x, keep_w, sb = bias.shape(), type = param_dtype(x.dtype())](const Tensor& dy,
                                                                                   const Wanted& wanted) -> Gradients {
                  return {wanted[0] ? matmul(dy, keep_w) : Tensor{},
                          wanted[1] ? matmul(cast(dy, type), cast(keep_x, type), {.transpose_a = true}) : Tensor{},
                          wanted[2] ? sum(cast(dy, type), {0}).reshape(sb) : Tensor{}};
                });
}

}  // namespace sumi
