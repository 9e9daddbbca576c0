// The one way a CPU kernel uses threads.
#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>

#include "kernels/core/context.h"

namespace sumi {

/// Calls f(begin, end) on disjoint ranges covering [0, n), cut in even parts at multiples of `grain`, on at most
/// ctx.threads() threads. Which thread takes which part never changes a result: each part is written by one call.
/// The first exception is rethrown on the calling thread.
template <class F>
void parallel_for(const Context& ctx, std::int64_t n, std::int64_t grain, F&& f) {
  if (n <= 0) return;
  const std::int64_t units = (n + grain - 1) / grain;
  const int threads = static_cast<int>(std::min<std::int64_t>(ctx.threads(), units));
  if (threads <= 1) return f(std::int64_t{0}, n);
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t id = omp_get_thread_num(), count = omp_get_num_threads();
    const std::int64_t begin = units * id / count * grain, end = std::min(n, units * (id + 1) / count * grain);
    try {
      if (begin < end) f(begin, end);
    } catch (...) {
#pragma omp critical(sumi_parallel_for)
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace sumi
