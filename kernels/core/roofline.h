// What this machine can do at most: the line against which every kernel's time is judged.
#pragma once
#include <algorithm>

#include "kernels/core/context.h"

namespace sumi {

/// Measured on all of the context's threads: f32 multiply-adds from registers (2 FLOP each), and a copy of memory far
/// larger than the caches with non-temporal stores (bytes read + bytes written). Williams, Waterman & Patterson 2009.
struct Roofline {
  double gflops = 0, gbytes_per_s = 0;
  /// The least time a kernel of `flops` FLOP and `bytes` bytes can take here.
  double seconds(double flops, double bytes) const {
    return std::max(flops / (gflops * 1e9), bytes / (gbytes_per_s * 1e9));
  }
};

/// Best of several runs, about a fifth of a second in all.
Roofline measure_cpu_roofline(Context& ctx);

}  // namespace sumi
