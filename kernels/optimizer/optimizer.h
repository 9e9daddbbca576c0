// One optimizer step over all parameters in one pass.
#pragma once
#include <string>
#include <vector>

#include "kernels/core/variant.h"

namespace sumi {

/// sgd: PyTorch's, with momentum and dampening 0. adam: Kingma & Ba 2015, weight decay added to the gradient.
/// adamw: Loshchilov & Hutter 2019, decay applied to the weight.
enum class Update : std::uint8_t { sgd, adam, adamw };

/// One parameter: master weight, gradient, first and second moment (sgd: m is the momentum buffer, v absent; both are
/// absent without momentum), and, optional, a copy and a moving average of the weights, written in the same pass. All
/// f32 (f64 in tests) but `copy`, which is f32, f16 or bf16.
struct ParameterSlot {
  std::int64_t n = 0;
  TensorRef w, g, m, v, copy, ema;
};

/// What changes from one step to the next.
struct StepSchedule {
  static constexpr std::int64_t count = 5;
  double lr, shrink, rate, root, average;  // lr, lr decay, lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), 1 - ema_decay
};

/// step counts from 1 (bias correction 1 - beta^step). ema += (1 - ema_decay) (w - ema), with the new weight.
struct OptimizerStep {
  static constexpr std::string_view op = "optimizer_step";
  Update update = Update::adam;
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, momentum = 0, ema_decay = 0;
  bool nesterov = false;
  std::int64_t step = 1;
  /// Optional, [5] f32 (f64 in tests): the members of StepSchedule in order, read when the row runs, in place of lr,
  /// step and ema_decay, which stand in a captured graph for good. sgd's momentum buffer then starts as zeros: no step
  /// is the first.
  TensorRef schedule;
  std::vector<ParameterSlot> slots;

  /// From lr, step and ema_decay, whatever `schedule` holds.
  StepSchedule scheduled() const;
  bool fills_momentum() const { return step == 1 && !schedule; }

  static Table<OptimizerStep> table();
  DType dtype() const { return slots.empty() ? DType::f32 : slots.front().w.dtype; }
  std::int64_t count() const;
  std::string key() const;
  Operands operands();
  double flops() const { return 12.0 * static_cast<double>(count()); }
  double bytes() const { return 7.0 * static_cast<double>(count()) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
