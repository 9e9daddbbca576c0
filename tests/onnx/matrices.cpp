#include <numeric>

#include "tensor/ops.h"
#include "tests/onnx/operators.h"

namespace sumi::test::onnx {
namespace {

Outputs gemm(const Node& n, const Inputs& in, const ContextPtr& c) {
  const GemmOptions options{n.integer("transA", 0) != 0, n.integer("transB", 0) != 0, n.number("alpha", 1)};
  Tensor y = matmul(to_tensor(in[0], c), to_tensor(in[1], c), options);
  if (in.size() > 2) y = y + scale(to_tensor(in[2], c), n.number("beta", 1));
  return {to_value(y, {y.dim(0), y.dim(1)})};
}

/// Equal leading sides become one batch.
Outputs matmul_batched(const Node&, const Inputs& in, const ContextPtr& c) {
  const auto &a = in[0].dims, &b = in[1].dims;
  need(a.size() == b.size() && a.size() >= 2, "operands of different rank");
  std::int64_t batch = 1;
  for (std::size_t i = 0; i + 2 < a.size(); i++) {
    need(a[i] == b[i], "a broadcast batch");
    batch *= a[i];
  }
  const std::int64_t M = a[a.size() - 2], K = a.back(), N = b.back();
  const Tensor y = matmul(to_tensor(in[0], c).reshape({batch, M, K}), to_tensor(in[1], c).reshape({batch, K, N}));
  std::vector<std::int64_t> dims(a.begin(), a.end() - 1);
  dims.push_back(N);
  return {to_value(y, dims)};
}

/// Over any axis: it is moved to the end and back.
Operator over_axis(Tensor (*f)(const Tensor&)) {
  return [f](const Node& n, const Inputs& in, const ContextPtr& c) -> Outputs {
    const auto rank = static_cast<int>(in[0].dims.size());
    const auto axis = static_cast<int>(n.integer("axis", -1));
    std::vector<int> order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)], order.back());
    const Value moved = permuted(in[0], order);
    return {permuted(to_value(f(to_tensor(moved, c)), moved.dims), order)};
  };
}

}  // namespace

void add_matrices(Operators& all) {
  all["Gemm"] = gemm;
  all["MatMul"] = matmul_batched;
  all["Softmax"] = over_axis(softmax);
  all["LogSoftmax"] = over_axis(log_softmax);
}

}  // namespace sumi::test::onnx
