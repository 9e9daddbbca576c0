#include "kernels/device/roofline.h"

#include <algorithm>

#include "kernels/device/runtime.h"
#include "kernels/gemm/gemm.h"
#include "kernels/random/random.h"

namespace sumi {
namespace {

constexpr int kRuns = 10;

/// The least seconds of several runs, each waited for.
template <class F>
double best_seconds(Context& ctx, const F& work) {
  double best = 0;
  for (int i = 0; i <= kRuns; i++) {
    const double t = seconds_of(ctx, work);
    if (i > 0) best = best == 0 ? t : std::min(best, t);  // the first warms up
  }
  return best;
}

double copy_gbytes_per_s(Context& ctx, std::size_t bytes) {
  const Scratch from = ctx.scratch(bytes), to = ctx.scratch(bytes);
  device::fill(from.as<void>(), 1, bytes, ctx.stream());
  const double t = best_seconds(ctx, [&] { device::copy(to.as<void>(), from.as<void>(), bytes, ctx.stream()); });
  return 2.0 * static_cast<double>(bytes) / t * 1e-9;
}

double gemm_gflops(Context& ctx, DType dtype, std::int64_t side) {
  const std::size_t bytes = static_cast<std::size_t>(side * side) * size_of(dtype);
  const Scratch a = ctx.scratch(bytes), b = ctx.scratch(bytes), y = ctx.scratch(bytes);
  Gemm g{.M = side, .N = side, .K = side};
  g.a = {a.as<void>(), dtype};
  g.b = {b.as<void>(), dtype};
  g.y = {y.as<void>(), dtype};
  for (const TensorRef& t : {g.a, g.b})
    run(RandomFill{.distribution = Distribution::uniform, .low = -1, .high = 1, .n = side * side, .y = t}, ctx);
  return g.flops() / best_seconds(ctx, [&] { run(g, ctx); }) * 1e-9;
}

}  // namespace

Roofline measure_roofline(Context& ctx, DType dtype, std::int64_t side) {
  if (ctx.device().kind == DeviceKind::cpu) return measure_cpu_roofline(ctx);
  return {gemm_gflops(ctx, dtype, side), copy_gbytes_per_s(ctx, static_cast<std::size_t>(16 * side * side))};
}

}  // namespace sumi
