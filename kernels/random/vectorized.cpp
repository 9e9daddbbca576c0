// Blocks of Philox side by side in vector lanes; the same bits as the reference.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random/vectorized.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/random/normal.h"
#include "kernels/random/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kBlocks = 128;  // Philox blocks at a time: 4 words each

struct Words {
  std::uint32_t w[4][kBlocks];
};

void draw(const RandomFill& a, std::int64_t first, Words& out) {
  const auto seed = a.seed;  // in registers: the stores below could otherwise change it
  const auto stream = a.stream, step = a.step_now();
#pragma omp simd
  for (std::int64_t j = 0; j < kBlocks; j++) {
    const PhiloxBlock w = philox_at(seed, stream, step, static_cast<std::uint64_t>(first + j));
    out.w[0][j] = w[0], out.w[1][j] = w[1], out.w[2][j] = w[2], out.w[3][j] = w[3];
  }
}

void to_uniform(const Words& in, float (&out)[4][kBlocks]) {
  for (std::size_t k = 0; k < 4; k++)
#pragma omp simd
    for (std::int64_t j = 0; j < kBlocks; j++) out[k][j] = uniform_from(in.w[k][j]);
}

void to_normal(const Words& in, float (&out)[4][kBlocks]) {
  for (std::size_t k = 0; k < 4; k += 2)
#pragma omp simd
    for (std::int64_t j = 0; j < kBlocks; j++) {
      const NormalPair p = normal_pair(in.w[k][j], in.w[k + 1][j]);
      out[k][j] = p.first, out[k + 1][j] = p.second;
    }
}

template <class T>
void fill(const RandomFill& a, std::int64_t begin, std::int64_t end) {
  const bool normal = a.distribution == Distribution::normal;
  const double factor = normal ? a.high : a.high - a.low;
  Words words;
  float drawn[4][kBlocks], ready[4 * kBlocks];
  for (std::int64_t i = begin; i < end; i += 4 * kBlocks) {
    draw(a, i / 4, words);
    normal ? to_normal(words, drawn) : to_uniform(words, drawn);
#pragma omp simd
    for (std::int64_t j = 0; j < kBlocks; j++)
      for (std::int64_t k = 0; k < 4; k++)
        ready[4 * j + k] = static_cast<float>(std::fma(factor, static_cast<double>(drawn[k][j]), a.low));
    const std::int64_t n = std::min(4 * kBlocks, end - i);
    for (std::int64_t k = 0; k < n; k++) put(a.y.as<T>(), i + k, ready[k]);
  }
}

void run_vectorized(const RandomFill& a, Context& ctx) {
  visit_f32_bf16(a.dtype(), [&](auto t) {
    parallel_for(ctx, a.n, 4 * kBlocks,
                 [&](std::int64_t begin, std::int64_t end) { fill<decltype(t)>(a, begin, end); });
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_vectorized);

void random_fill_vectorized(const RandomFill& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_vectorized)(a, ctx); }

}  // namespace sumi
#endif
