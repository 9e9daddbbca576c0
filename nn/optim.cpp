#include "nn/optim.h"

#include <algorithm>
#include <cmath>

#include "tensor/autograd.h"

namespace sumi {

OptimizerOptions sgd(double lr, double momentum, double weight_decay, bool nesterov) {
  return {.update = Update::sgd, .lr = lr, .weight_decay = weight_decay, .momentum = momentum, .nesterov = nesterov};
}
OptimizerOptions adam(double lr, double beta1, double beta2, double weight_decay) {
  return {.update = Update::adam, .lr = lr, .beta1 = beta1, .beta2 = beta2, .weight_decay = weight_decay};
}
OptimizerOptions adamw(double lr, double beta1, double beta2, double weight_decay) {
  return {.update = Update::adamw, .lr = lr, .beta1 = beta1, .beta2 = beta2, .weight_decay = weight_decay};
}

Optimizer::Optimizer(const std::vector<Tensor*>& parameters, const OptimizerOptions& options,
                     const std::vector<Tensor*>& averages, const std::vector<Tensor*>& masters)
    : options(options), own_masters_(masters.empty()) {
  check(averages.empty() || averages.size() == parameters.size(), "optimizer: ", parameters.size(), " parameters, but ",
        averages.size(), " averages");
  check(masters.empty() || masters.size() == parameters.size(), "optimizer: ", parameters.size(), " parameters, but ",
        masters.size(), " masters");
  for (std::size_t i = 0; i < parameters.size(); i++) {
    Tensor* p = parameters[i];
    const DType type = param_dtype(p->dtype());
    const auto zeros = [&] { return Tensor::zeros(p->context(), p->shape(), type); };
    Slot slot{.parameter = p};
    if (!masters.empty()) {
      slot.master = masters[i]->detach();
      p->copy_from(slot.master);
    } else if (p->dtype() != type) {
      slot.master = cast(p->detach(), type);
    }
    if (options.update != Update::sgd || options.momentum != 0) slot.m = zeros();
    if (options.update != Update::sgd) slot.v = zeros();
    if (!averages.empty()) {
      slot.ema = averages[i]->detach();
      slot.ema.copy_from(slot.master ? slot.master : p->detach());
    }
    slots_.push_back(std::move(slot));
  }
  if (!parameters.empty() && !parameters.front()->on_host())
    schedule_ = Tensor::empty(parameters.front()->context(), {StepSchedule::count});
}

OptimizerStep Optimizer::settings() const {
  const OptimizerOptions& o = options;
  const auto t = static_cast<double>(step_);
  return {.update = o.update,
          .lr = o.lr,
          .beta1 = o.beta1,
          .beta2 = o.beta2,
          .eps = o.eps,
          .weight_decay = o.weight_decay,
          .momentum = o.momentum,
          .ema_decay = std::min(o.ema_decay, (1 + t) / (10 + t)),
          .nesterov = o.nesterov,
          .step = step_};
}

void Optimizer::advance() {
  step_++;
  if (!schedule_) return;
  const StepSchedule s = settings().scheduled();
  const float values[StepSchedule::count] = {static_cast<float>(s.lr), static_cast<float>(s.shrink),
                                             static_cast<float>(s.rate), static_cast<float>(s.root),
                                             static_cast<float>(s.average)};
  schedule_.write(values);
}

void Optimizer::update() {
  std::vector<OptimizerParameter> moving;
  for (const Slot& s : slots_) {
    const Tensor g = s.parameter->grad();
    if (!g) continue;
    const NoGrad none(g.ctx());
    const Tensor w = s.master ? s.master : s.parameter->detach();
    moving.push_back({w, cast(g.detach(), w.dtype()), s.m, s.v, s.master ? s.parameter->detach() : Tensor{}, s.ema});
  }
  optimizer_step(settings(), moving, schedule_);
}

void Optimizer::zero_grad() const {
  for (const Slot& s : slots_) s.parameter->set_grad({});
}

StateDict Optimizer::state() const {
  StateDict state;
  const auto put = [&](const char* what, std::size_t i, const Tensor& t) {
    if (t) state.emplace(concat(what, '.', i), t);
  };
  for (std::size_t i = 0; i < slots_.size(); i++) {
    const Slot& s = slots_[i];
    put("m", i, s.m);
    put("v", i, s.v);
    if (own_masters_) put("master", i, s.master);
    put("ema", i, s.ema);
  }
  if (!slots_.empty()) {
    // Two 24-bit halves: exact in f32 for every step count that will occur.
    const float halves[] = {static_cast<float>(step_ >> 24), static_cast<float>(step_ & 0xffffff)};
    state.emplace("step", Tensor::from(slots_.front().parameter->context(), {2}, halves));
  }
  return state;
}

void Optimizer::load_state(const StateDict& state) {
  const auto take = [&](const std::string& name, const Tensor& into) {
    const auto found = state.find(name);
    check(found != state.end(), "optimizer state: '", name, "' is missing");
    check(found->second.shape() == into.shape(), "optimizer state: '", name, "' has shape ", found->second.shape(),
          ", expected ", into.shape());
    into.copy_from(found->second);
  };
  for (std::size_t i = 0; i < slots_.size(); i++) {
    const Slot& s = slots_[i];
    if (s.m) take(concat("m.", i), s.m);
    if (s.v) take(concat("v.", i), s.v);
    if (s.master && own_masters_) take(concat("master.", i), s.master);
    if (s.ema) take(concat("ema.", i), s.ema);
  }
  if (slots_.empty()) return;
  const Tensor halves = Tensor::zeros(slots_.front().parameter->context(), {2});
  take("step", halves);
  const auto parts = halves.to_vector();
  step_ = (static_cast<std::int64_t>(parts[0]) << 24) + static_cast<std::int64_t>(parts[1]);
}

Tensor clip_grad_norm(std::span<Tensor* const> parameters, double limit) {
  Tensor squares;
  for (const Tensor* p : parameters)
    if (const Tensor g = p->grad()) {
      const Tensor of_one = sum(square(cast(g.detach(), DType::f32)));
      squares = squares ? squares + of_one : of_one;
    }
  if (!squares) return squares;
  Tensor norm = sqrt(squares);
  // min(1, limit / norm), exactly 1 below the limit
  const Tensor factor = map(relu(scale(norm + 1e-6, 1 / limit) - 1) + 1, Map::reciprocal);
  for (const Tensor* p : parameters)
    if (const Tensor g = p->grad()) p->set_grad(g.detach() * cast(factor, g.dtype()));
  return norm;
}

}  // namespace sumi
