#include "kernels/reduce/reduce.h"
#include "tensor/ops.h"
#include "tests/onnx/operators.h"

namespace sumi::test::onnx {
namespace {

Operator unary(Map f, const std::string& parameter = "", double absent = 0) {
  return [=](const Node& n, const Inputs& in, const ContextPtr& c) -> Outputs {
    const double a = parameter.empty() ? 0 : n.number(parameter, absent);
    return {to_value(map(to_tensor(in[0], c), f, a), in[0].dims)};
  };
}

Outputs selu(const Node& n, const Inputs& in, const ContextPtr& c) {
  need(!n.has("alpha") && !n.has("gamma"), "selu's constants are fixed");
  return unary(Map::selu)(n, in, c);
}

Value shaped(const Tensor& t) { return to_value(t, {t.shape().begin(), t.shape().end()}); }

/// f over all inputs from left to right.
Operator fold(Tensor (*f)(const Tensor&, const Tensor&), bool mean = false) {
  return [=](const Node&, const Inputs& in, const ContextPtr& c) -> Outputs {
    Tensor y = to_tensor(in[0], c);
    for (std::size_t i = 1; i < in.size(); i++) y = f(y, to_tensor(in[i], c));
    return {shaped(mean ? scale(y, 1.0 / static_cast<double>(in.size())) : y)};
  };
}

Outputs pow(const Node&, const Inputs& in, const ContextPtr& c) {
  need(in[1].data.size() == 1, "an exponent for each element");
  return {to_value(power(to_tensor(in[0], c), in[1].data[0]), in[0].dims)};
}

/// The axes to reduce, from the attribute or the second input; empty: all.
std::vector<int> axes_of(const Node& n, const Inputs& in) {
  std::vector<std::int64_t> axes = n.integers("axes", {});
  if (in.size() > 1)
    for (const double a : in[1].data) axes.push_back(static_cast<std::int64_t>(a));
  std::vector<int> result;
  const auto rank = static_cast<int>(in[0].dims.size());
  for (const std::int64_t a : axes) result.push_back(static_cast<int>(a < 0 ? a + rank : a));
  if (result.empty() && n.integer("noop_with_empty_axes", 0) == 0)
    for (int i = 0; i < rank; i++) result.push_back(i);
  return result;
}

Tensor max_over(const Tensor& x, unsigned axes) {
  Reduce a{.f = Reduction::max, .dims = x.shape().dims5(), .axes = axes, .x = x.ref()};
  const Dims5 d = a.y_dims();
  const Tensor y = Tensor::empty(x.context(), {d[0], d[1], d[2], d[3], d[4]});
  a.y = y.ref();
  run(a, x.ctx());
  return y;
}

enum class Kind { sum, mean, max, min, l1, l2, sum_square, log_sum, log_sum_exp };

Operator reduce(Kind kind) {
  return [kind](const Node& n, const Inputs& in, const ContextPtr& c) -> Outputs {
    const Tensor x = to_tensor(in[0], c);
    std::vector<std::int64_t> dims = in[0].dims, dropped;
    unsigned mask = 0;
    std::int64_t count = 1;
    for (const int axis : axes_of(n, in)) {
      count *= std::exchange(dims[static_cast<std::size_t>(axis)], 1);
      mask |= 1u << (Shape::kMaxRank - x.rank() + axis);
    }
    Shape kept;
    for (std::size_t i = 0; i < dims.size(); i++) {
      kept.push_back(dims[i]);
      if (!(mask >> (Shape::kMaxRank - static_cast<unsigned>(x.rank()) + i) & 1)) dropped.push_back(dims[i]);
    }
    const auto total = [&](const Tensor& t) { return sum_to(t, kept); };
    const auto result = [&]() -> Tensor {
      switch (kind) {
        case Kind::sum:
          return total(x);
        case Kind::mean:
          return scale(total(x), 1.0 / static_cast<double>(count));
        case Kind::max:
          return max_over(x, mask);
        case Kind::min:
          return scale(max_over(scale(x, -1), mask), -1);
        case Kind::l1:
          return total(abs(x));
        case Kind::l2:
          return sqrt(total(square(x)));
        case Kind::sum_square:
          return total(square(x));
        case Kind::log_sum:
          return log(total(x));
        case Kind::log_sum_exp:
          return log(total(exp(x)));
      }
      fail("no such reduction");
    };
    return {to_value(result(), n.integer("keepdims", 1) ? dims : dropped)};
  };
}

/// Bounds are inputs, or attributes in the operator's first versions.
Outputs clip(const Node& n, const Inputs& in, const ContextPtr& c) {
  Tensor y = to_tensor(in[0], c);
  if (n.has("min")) y = maximum(y, Tensor::full(c, {1}, n.number("min", 0)));
  if (n.has("max")) y = minimum(y, Tensor::full(c, {1}, n.number("max", 0)));
  if (in.size() > 1 && !in[1].data.empty()) y = maximum(y, to_tensor(in[1], c));
  if (in.size() > 2 && !in[2].data.empty()) y = minimum(y, to_tensor(in[2], c));
  return {to_value(y, in[0].dims)};
}

/// max(x, 0) + slope min(x, 0).
Outputs prelu(const Node&, const Inputs& in, const ContextPtr& c) {
  const Tensor x = to_tensor(in[0], c);
  Value slope = in[1];  // one number a channel in the operator's first versions
  if (slope.dims.size() == 1 && slope.dims[0] != in[0].dims.back()) slope.dims.resize(in[0].dims.size() - 1, 1);
  return {to_value(relu(x) - to_tensor(slope, c) * relu(scale(x, -1)), in[0].dims)};
}

Outputs identity(const Node&, const Inputs& in, const ContextPtr& c) {
  return {to_value(map(to_tensor(in[0], c), Map::identity), in[0].dims)};
}

}  // namespace

void add_elementwise(Operators& all) {
  all["Relu"] = unary(Map::relu);
  all["LeakyRelu"] = unary(Map::leaky_relu, "alpha", 0.01);
  all["Sigmoid"] = unary(Map::sigmoid);
  all["Tanh"] = unary(Map::tanh);
  all["Elu"] = unary(Map::elu, "alpha", 1);
  all["Selu"] = selu;
  all["Softplus"] = unary(Map::softplus);
  all["Exp"] = unary(Map::exp);
  all["Log"] = unary(Map::log);
  all["Sqrt"] = unary(Map::sqrt);
  all["Abs"] = unary(Map::abs);
  all["Neg"] = unary(Map::negate);
  all["Reciprocal"] = unary(Map::reciprocal);
  all["Sign"] = unary(Map::sign);
  all["Identity"] = identity;
  all["Pow"] = pow;
  all["Clip"] = clip;
  all["PRelu"] = prelu;
  all["Add"] = all["Sum"] = fold(add);
  all["Mean"] = fold(add, true);
  all["Sub"] = fold(subtract);
  all["Mul"] = fold(multiply);
  all["Div"] = fold(divide);
  all["Max"] = fold(maximum);
  all["Min"] = fold(minimum);
  all["ReduceSum"] = reduce(Kind::sum);
  all["ReduceMean"] = reduce(Kind::mean);
  all["ReduceMax"] = reduce(Kind::max);
  all["ReduceMin"] = reduce(Kind::min);
  all["ReduceL1"] = reduce(Kind::l1);
  all["ReduceL2"] = reduce(Kind::l2);
  all["ReduceSumSquare"] = reduce(Kind::sum_square);
  all["ReduceLogSum"] = reduce(Kind::log_sum);
  all["ReduceLogSumExp"] = reduce(Kind::log_sum_exp);
}

}  // namespace sumi::test::onnx
