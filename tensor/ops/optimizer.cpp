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
  check(!p.copy || p.copy.numel() == p.w.numel(), "optimizer_step: parameter ", index, " expected a copy of ",
        p.w.shape(), ", got ", p.copy.shape());
  for (const Tensor* t : {&p.g, &p.m, &p.v, &p.ema}) {
    if (!*t) continue;
    check(t->numel() == p.w.numel(), "optimizer_step: parameter ", index, " expected ", p.w.shape(), ", got ",
          t->shape());
    check(t->dtype() == p.w.dtype(), "optimizer_step: parameter ", index, " is ", name_of(p.w.dtype()),
          ", its gradient, moment or average ", name_of(t->dtype()));
  }
}

}  // namespace

void optimizer_step(const OptimizerStep& settings, std::span<const OptimizerParameter> parameters,
                    const Tensor& schedule) {
  if (parameters.empty()) return;
  check(!schedule || (schedule.numel() == StepSchedule::count && schedule.dtype() == parameters.front().w.dtype()),
        "optimizer_step: expected a schedule of ", StepSchedule::count, " numbers in the weights' dtype, got ",
        schedule.shape());
  OptimizerStep step = settings;
  step.schedule = schedule.ref();
  step.slots.clear();
  for (std::size_t i = 0; i < parameters.size(); i++) {
    const OptimizerParameter& p = parameters[i];
    check_slot(settings, p, i);
    step.slots.push_back({.n = p.w.numel(),
                          .w = p.w.ref(),
                          .g = p.g.ref(),
                          .m = p.m.ref(),
                          .v = p.v.ref(),
                          .copy = p.copy.ref(),
                          .ema = p.ema.ref()});
  }
  run(step, parameters.front().w.ctx());
  for (const OptimizerParameter& p : parameters)
    for (const Tensor* t : {&p.w, &p.m, &p.v, &p.copy, &p.ema})
      if (*t) t->touch();
}

}  // namespace sumi
