// One optimizer step, in place.
#include "kernels/optimizer/optimizer.h"

#include "tensor/ops.h"

namespace sumi {
namespace {

void check_slot(const OptimizerStep& o, const OptimizerParameter& p, std::size_t index) {
  check(p.w && p.g, "optimizer_step: parameter ", index, " expected a weight and a gradient, got an empty handle");
  const bool adaptive = o.update != Update::sgd;
  check(p.m || (!adaptive && o.momentum == 0), "optimizer_step: parameter ", index, " expected a first moment");
  check(p.v || !adaptive, "optimizer_step: parameter ", index, " expected a second moment");
  for (const Tensor* t : {&p.g, &p.m, &p.v}) {
    if (!*t) continue;
    check(t->numel() == p.w.numel(), "optimizer_step: parameter ", index, " expected ", p.w.shape(), ", got ",
          t->shape());
    check(t->dtype() == p.w.dtype(), "optimizer_step: parameter ", index, " is ", name_of(p.w.dtype()),
          ", its gradient or moment ", name_of(t->dtype()));
  }
}

}  // namespace

void optimizer_step(const OptimizerStep& settings, std::span<const OptimizerParameter> parameters) {
  if (parameters.empty()) return;
  OptimizerStep step = settings;
  step.slots.clear();
  for (std::size_t i = 0; i < parameters.size(); i++) {
    const OptimizerParameter& p = parameters[i];
    check_slot(settings, p, i);
    step.slots.push_back({.n = p.w.numel(), .w = p.w.ref(), .g = p.g.ref(), .m = p.m.ref(), .v = p.v.ref()});
  }
  run(step, parameters.front().w.ctx());
  for (const OptimizerParameter& p : parameters)
    for (const Tensor* t : {&p.w, &p.m, &p.v})
      if (*t) t->touch();
}

}  // namespace sumi
