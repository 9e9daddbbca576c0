// Time as benchmarks, the autotuner and progress lines take it.
#pragma once
#include <chrono>

#include "kernels/core/context.h"

namespace sumi {

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

}  // namespace sumi
