#include <cmath>

#include "tensor/ops.h"
#include "tests/onnx/operators.h"

namespace sumi::test::onnx {
namespace {

/// Inputs: rate, step, then per kind (weight, gradient, first moment, second moment) one tensor per parameter.
std::vector<OptimizerParameter> parameters(const Inputs& in, std::size_t kinds, const ContextPtr& c) {
  const std::size_t count = (in.size() - 2) / kinds;
  std::vector<OptimizerParameter> list(count);
  for (std::size_t i = 0; i < count; i++) {
    list[i].w = to_tensor(in[2 + i], c), list[i].g = to_tensor(in[2 + count + i], c);
    list[i].m = to_tensor(in[2 + 2 * count + i], c);
    if (kinds == 4) list[i].v = to_tensor(in[2 + 3 * count + i], c);
  }
  return list;
}

Outputs results(const std::vector<OptimizerParameter>& list, const Inputs& in, bool second) {
  Outputs out;
  for (std::size_t i = 0; i < list.size(); i++) out.push_back(to_value(list[i].w, in[2 + i].dims));
  for (std::size_t i = 0; i < list.size(); i++) out.push_back(to_value(list[i].m, in[2 + i].dims));
  for (std::size_t i = 0; second && i < list.size(); i++) out.push_back(to_value(list[i].v, in[2 + i].dims));
  return out;
}

/// ONNX adds epsilon before the bias correction and counts steps from 0 without a correction there; both are a change
/// of rate and epsilon.
Outputs adam(const Node& n, const Inputs& in, const ContextPtr& c) {
  need(n.number("norm_coefficient_post", 0) == 0, "norm_coefficient_post");
  OptimizerStep s{.update = Update::adam,
                  .lr = in[0].data[0],
                  .beta1 = n.number("alpha", 0.9),
                  .beta2 = n.number("beta", 0.999),
                  .weight_decay = n.number("norm_coefficient", 0)};
  const double t = std::max(1.0, in[1].data[0]);
  s.step = static_cast<std::int64_t>(t);
  const double second = std::sqrt(1 - std::pow(s.beta2, t));
  if (in[1].data[0] == 0) s.lr *= (1 - s.beta1) / second;
  s.eps = n.number("epsilon", 1e-6) / second;
  const auto list = parameters(in, 4, c);
  optimizer_step(s, list);
  return results(list, in, true);
}

Outputs momentum(const Node& n, const Inputs& in, const ContextPtr& c) {
  need(in[1].data[0] == 0 || n.number("beta", 1) == 1, "dampening");
  const OptimizerStep s{.update = Update::sgd,
                        .lr = in[0].data[0],
                        .weight_decay = n.number("norm_coefficient", 0),
                        .momentum = n.number("alpha", 0),
                        .nesterov = n.text("mode", "standard") == "nesterov",
                        .step = 2};  // the buffer already holds something
  const auto list = parameters(in, 3, c);
  optimizer_step(s, list);
  return results(list, in, false);
}

}  // namespace

void add_optimizers(Operators& all) {
  all["Adam"] = adam;
  all["Momentum"] = momentum;
}

}  // namespace sumi::test::onnx
