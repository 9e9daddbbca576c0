#include "kernels/core/roofline.h"

#include <cstring>
#include <vector>

#include "kernels/core/clock.h"
#include "kernels/core/parallel.h"
#include "kernels/core/variant.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/core/roofline.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Twelve independent chains hide the latency of 4 cycles on 2 ports. Returns the FLOP done.
double multiply_add_loop(int steps, float* sink) {
  const hn::ScalableTag<float> d;
  // Different starts, or the compiler would see that the chains are one.
  const auto start = [d](int i) { return hn::Set(d, static_cast<float>(i)); };
  auto c0 = start(0), c1 = start(1), c2 = start(2), c3 = start(3), c4 = start(4), c5 = start(5), c6 = start(6),
       c7 = start(7), c8 = start(8), c9 = start(9), c10 = start(10), c11 = start(11);
  const auto a = hn::Set(d, *sink), b = hn::Set(d, 0.5f);
  for (int i = 0; i < steps; i++) {
    c0 = hn::MulAdd(a, c0, b), c1 = hn::MulAdd(a, c1, b), c2 = hn::MulAdd(a, c2, b), c3 = hn::MulAdd(a, c3, b);
    c4 = hn::MulAdd(a, c4, b), c5 = hn::MulAdd(a, c5, b), c6 = hn::MulAdd(a, c6, b), c7 = hn::MulAdd(a, c7, b);
    c8 = hn::MulAdd(a, c8, b), c9 = hn::MulAdd(a, c9, b), c10 = hn::MulAdd(a, c10, b), c11 = hn::MulAdd(a, c11, b);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(c0, c1), hn::Add(c2, c3)),
              hn::Add(hn::Add(hn::Add(c4, c5), hn::Add(c6, c7)), hn::Add(hn::Add(c8, c9), hn::Add(c10, c11))));
  *sink = hn::GetLane(hn::SumOfLanes(d, sum));
  return 2.0 * 12 * static_cast<double>(hn::Lanes(d)) * steps;
}

/// Copies [begin, end) past the caches; both multiples of 16 floats.
void stream_copy(const float* from, float* to, std::int64_t begin, std::int64_t end) {
  const hn::ScalableTag<float> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = begin; i < end; i += step) hn::Stream(hn::Load(d, from + i), d, to + i);
  hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(multiply_add_loop);
HWY_EXPORT(stream_copy);

constexpr int kRuns = 8;

double measure_gflops(Context& ctx) {
  constexpr int kSteps = 1 << 20;
  double best = 0;
  for (int run = 0; run < kRuns; run++) {
    std::vector<double> flops(static_cast<std::size_t>(ctx.threads()));
    const double start = seconds_now();
    parallel_for(ctx, ctx.threads(), 1, [&](std::int64_t begin, std::int64_t end) {
      float sink = 0.25f;
      for (std::int64_t t = begin; t < end; t++)
        flops[static_cast<std::size_t>(t)] = HWY_DYNAMIC_DISPATCH(multiply_add_loop)(kSteps, &sink);
    });
    double total = 0;
    for (const double f : flops) total += f;
    best = std::max(best, total / (seconds_now() - start) * 1e-9);
  }
  return best;
}

double measure_bandwidth(Context& ctx) {
  constexpr std::int64_t kCount = 32 << 20;  // 128 MiB each way
  const Scratch from = ctx.scratch(kCount * sizeof(float)), to = ctx.scratch(kCount * sizeof(float));
  std::memset(from.as<void>(), 0, kCount * sizeof(float));
  double best = 0;
  for (int run = 0; run < kRuns; run++) {
    const double start = seconds_now();
    parallel_for(ctx, kCount, 1 << 10, [&](std::int64_t begin, std::int64_t end) {
      HWY_DYNAMIC_DISPATCH(stream_copy)(from.as<float>(), to.as<float>(), begin, end);
    });
    if (run > 0) best = std::max(best, 2.0 * kCount * sizeof(float) / (seconds_now() - start) * 1e-9);
  }
  return best;
}

}  // namespace

Roofline measure_cpu_roofline(Context& ctx) { return {measure_gflops(ctx), measure_bandwidth(ctx)}; }

}  // namespace sumi
#endif
