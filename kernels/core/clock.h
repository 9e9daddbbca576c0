// Time as benchmarks, the autotuner and progress lines take it.
#pragma once
#include <algorithm>
#include <chrono>
#include <limits>

#include "kernels/core/context.h"

namespace sumi {

/// Of a clock that never goes back; only differences mean something.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds from an idle device to one that has done all that `work` asked of it.
template <class Work>
double seconds_of(Context& ctx, Work&& work) {
  ctx.synchronize();
  const double start = seconds_now();
  work();
  ctx.synchronize();
  return seconds_now() - start;
}

/// Seconds of one call, as the mean of so many that they take a millisecond: one may be shorter than its launch. The
/// least of three such means; but when the first call alone takes longer than `hopeless`, its seconds and no more
/// calls.
template <class Work>
double seconds_per_call(Context& ctx, Work&& work, double hopeless = std::numeric_limits<double>::infinity()) {
  constexpr int kMostCalls = 64;
  constexpr double kEnough = 1e-3;
  const auto mean = [&](int calls) {
    return seconds_of(ctx,
                      [&] {
                        for (int i = 0; i < calls; i++) work();
                      }) /
           calls;
  };
  const double once = mean(1);
  if (once > hopeless) return once;
  const int calls = static_cast<int>(std::clamp(kEnough / std::max(once, 1e-9), 1.0, double{kMostCalls}));
  double least = once;
  for (int repeat = 0; repeat < 3; repeat++) least = std::min(least, mean(calls));
  return least;
}

}  // namespace sumi
