// First-order optimizers over a list of parameters; nn/lbfgs.h has the second-order one.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "nn/module.h"

namespace sumi {

/// Hyperparameters as PyTorch names them; `update` chooses among SGD (with momentum), Adam and AdamW.
struct OptimizerOptions {
  Update update = Update::adam;
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, momentum = 0;
  bool nesterov = false;
  /// Of the weights' moving averages: min(ema_decay, (1+t) / (10+t)) in step t, so that the start is soon forgotten.
  double ema_decay = 0;
};
/// The options of each optimizer, with PyTorch's defaults.
OptimizerOptions sgd(double lr, double momentum = 0, double weight_decay = 0, bool nesterov = false);
OptimizerOptions adam(double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double weight_decay = 0);
OptimizerOptions adamw(double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double weight_decay = 1e-2);

/// Steps the given tensors along their grad(). Moments are f32; a parameter in another dtype has an f32 master weight,
/// and is written as its copy.
class Optimizer {
 public:
  /// `averages` and `masters` hold one f32 tensor a parameter or none at all. Averages become copies of the weights,
  /// and then their moving averages. Masters are what is stepped, and whoever gave them saves them; parameters become,
  /// and stay, their copies.
  Optimizer(const std::vector<Tensor*>& parameters, const OptimizerOptions& options,
            const std::vector<Tensor*>& averages = {}, const std::vector<Tensor*>& masters = {});

  /// One step with every parameter that has a gradient. `options.lr` may change between steps.
  void step() {
    advance();
    update();
  }
  /// The first half: counts the step, and on a GPU puts its rate and bias corrections where update() reads them.
  void advance();
  /// The second half: the pass over the weights, which a Graph may capture.
  void update();
  /// Forgets the gradients.
  void zero_grad() const;
  std::int64_t steps() const { return step_; }

  /// Everything besides the weights that an exact resumption needs: "step", "m.I", "v.I", "ema.I" for parameter I, and
  /// "master.I" where none were given.
  StateDict state() const;
  /// Throws Error naming the tensor that is missing or does not fit.
  void load_state(const StateDict& state);

  OptimizerOptions options;

 private:
  struct Slot {
    Tensor* parameter;
    Tensor master, m, v, ema;  // master: empty for f32 parameters, which are their own
  };
  OptimizerStep settings() const;

  std::vector<Slot> slots_;
  bool own_masters_;
  Tensor schedule_;  // on a GPU
  std::int64_t step_ = 0;
};

/// Scales all gradients so that their joint 2-norm is at most `limit`; returns the norm before, a scalar.
/// Nothing waits for a GPU. Empty without gradients.
Tensor clip_grad_norm(std::span<Tensor* const> parameters, double limit);

}  // namespace sumi
