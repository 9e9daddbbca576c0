// One element's update in single precision, written once for every row.
#pragma once
#include <cmath>

#include "kernels/map/elementary.h"
#include "kernels/optimizer/optimizer.h"

namespace sumi {

/// What every element is multiplied by, computed once in double.
struct UpdateFactors {
  float decay, momentum, beta1, rest1, beta2, rest2, eps;
  float lr = 0, shrink = 0, rate = 0, root = 0, average = 0;  // StepSchedule
  explicit UpdateFactors(const OptimizerStep& o);
  /// The step's own from `schedule`, in StepSchedule's order.
  SUMI_HD void take(const float* schedule) {
    lr = schedule[0], shrink = schedule[1], rate = schedule[2], root = schedule[3], average = schedule[4];
  }
};

/// adam; kDecoupled: adamw.
template <bool kDecoupled>
SUMI_HD void adam_element(const UpdateFactors& f, float& w, float g, float& m, float& v) {
  const float weight = kDecoupled ? w - f.shrink * w : w;
  const float gradient = kDecoupled ? g : g + f.decay * w;
  const float m_new = f.beta1 * m + f.rest1 * gradient, v_new = f.beta2 * v + f.rest2 * (gradient * gradient);
  m = m_new, v = v_new;
  w = weight - f.rate * m_new / (std::sqrt(v_new) * f.root + f.eps);
}

/// sgd with momentum. The first step fills the buffer, which may hold anything, with the gradient.
template <bool kFirst, bool kNesterov>
SUMI_HD void momentum_element(const UpdateFactors& f, float& w, float g, float& m) {
  const float gradient = g + f.decay * w;
  const float m_new = kFirst ? gradient : f.momentum * m + gradient;
  m = m_new;
  w -= f.lr * (kNesterov ? gradient + f.momentum * m_new : m_new);
}

/// The moving average, after the weight's update.
SUMI_HD void average_element(const UpdateFactors& f, float& ema, float w) { ema += f.average * (w - ema); }

/// sgd without.
SUMI_HD void descend_element(const UpdateFactors& f, float& w, float g) { w -= f.lr * (g + f.decay * w); }

}  // namespace sumi
