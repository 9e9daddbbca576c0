// Times a library's candidates for one case on the caller's own data.
#pragma once
#include <cstddef>
#include <limits>

#include "kernels/core/clock.h"
#include "kernels/core/error.h"

namespace sumi::device {

/// The index below `candidates` for which run(index) takes least, after one call to warm up. Candidates that throw are
/// passed over; the Error of the last goes on when all do.
template <class Run>
std::size_t fastest(Context& ctx, std::size_t candidates, Run run) {
  std::size_t best = candidates;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < candidates; i++) try {
      run(i);
      const double t = seconds_per_call(ctx, [&] { run(i); });
      if (t < least) best = i, least = t;
    } catch (const Error&) {
      if (best == candidates && i + 1 == candidates) throw;
    }
  return best;
}

}  // namespace sumi::device
