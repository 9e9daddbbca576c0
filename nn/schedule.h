// Learning-rate schedules: functions of the step (from 0), giving the rate to use for it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

namespace sumi {

/// A fraction of the run, and the factor on the base rate from there on.
struct Milestone {
  double fraction, factor;
};
/// base, times the factor of the last milestone that step/total has reached.
inline double piecewise_rate(double base, std::span<const Milestone> milestones, std::int64_t step,
                             std::int64_t total) {
  double factor = 1;
  for (const Milestone& m : milestones)
    if (static_cast<double>(step) >= m.fraction * static_cast<double>(total)) factor = m.factor;
  return base * factor;
}

/// Constant, then linear to 0 at `total` from `start` on (CycleGAN's).
inline double linear_decay_rate(double base, std::int64_t start, std::int64_t step, std::int64_t total) {
  if (step < start) return base;
  return base * static_cast<double>(std::max<std::int64_t>(0, total - step)) /
         static_cast<double>(std::max<std::int64_t>(1, total - start));
}

/// Half a cosine from base to `last` (Loshchilov & Hutter 2017), after `warmup` steps of linear increase.
inline double cosine_rate(double base, double last, std::int64_t warmup, std::int64_t step, std::int64_t total) {
  if (step < warmup) return base * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double progress =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, total - warmup));
  return last + (base - last) * (1 + std::cos(std::numbers::pi * std::min(1.0, progress))) / 2;
}

/// base / (1 + decay step): AdaIN's.
inline double inverse_time_rate(double base, double decay, std::int64_t step) {
  return base / (1 + decay * static_cast<double>(step));
}

}  // namespace sumi
