// Shapes for tests (awkward) and benchmarks (realistic) of the optimizer table.
#pragma once
#include "kernels/core/case.h"
#include "kernels/optimizer/optimizer.h"

namespace sumi {

template <>
inline std::vector<Case<OptimizerStep>> Cases<OptimizerStep>::awkward() {
  std::vector<Case<OptimizerStep>> cases;
  const auto add = [&](OptimizerStep o) {
    for (const std::int64_t n : {1, 7, 17, 64, 1000, 40000}) o.slots.push_back({.n = n});
    cases.push_back({o, {"copy", "ema", "schedule"}});
    for (ParameterSlot& s : o.slots) s.copy.dtype = DType::bf16;
    cases.push_back({o, {"ema", "schedule"}});
    o.ema_decay = 0.9;
    cases.push_back({o, {"schedule"}});
    cases.push_back({o, {"copy"}});
  };
  add({.update = Update::sgd, .lr = 0.1});
  add({.update = Update::sgd, .lr = 0.1, .weight_decay = 0.01, .momentum = 0.9});
  add({.update = Update::sgd, .lr = 0.1, .momentum = 0.9, .step = 3});
  add({.update = Update::sgd, .lr = 0.1, .weight_decay = 0.01, .momentum = 0.9, .nesterov = true, .step = 2});
  add({.update = Update::adam});
  add({.update = Update::adam, .weight_decay = 0.1, .step = 1000});
  add({.update = Update::adamw, .weight_decay = 0.1, .step = 7});
  OptimizerStep many{.update = Update::adam, .step = 2};
  for (std::int64_t n = 1; n <= 70; n++) many.slots.push_back({.n = n});
  cases.push_back({many, {"copy", "ema", "schedule"}});
  for (ParameterSlot& s : many.slots) s.copy.dtype = s.n % 2 ? DType::f16 : DType::f32;
  cases.push_back({many});
  cases.push_back({{.update = Update::adam}, {"schedule"}});  // no parameters at all
  return cases;
}

template <>
inline std::vector<Case<OptimizerStep>> Cases<OptimizerStep>::realistic() {
  std::vector<ParameterSlot> network;  // the 1.7 M parameters of a feed-forward style network, in 30 tensors
  for (int i = 0; i < 10; i++)
    for (const std::int64_t n : {128 * 128 * 9, 128, 128 * 128}) network.push_back({.n = n});
  std::vector<Case<OptimizerStep>> cases;
  const auto add = [&](OptimizerStep a) {
    a.slots = network;
    cases.push_back({a, {"copy", "ema", "schedule"}});
  };
  add({.update = Update::sgd, .momentum = 0.9});
  add({.update = Update::adam});
  add({.update = Update::adamw, .weight_decay = 0.01});
  return cases;
}

}  // namespace sumi
