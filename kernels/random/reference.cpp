#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/random/normal.h"
#include "kernels/random/rows.h"

namespace sumi {
namespace {

std::array<float, 4> draws(const RandomFill& a, std::uint32_t step, std::int64_t block) {
  const PhiloxBlock w = philox_at(a.seed, a.stream, step, static_cast<std::uint64_t>(block));
  if (a.distribution == Distribution::uniform)
    return {uniform_from(w[0]), uniform_from(w[1]), uniform_from(w[2]), uniform_from(w[3])};
  const NormalPair p = normal_pair(w[0], w[1]), q = normal_pair(w[2], w[3]);
  return {p.first, p.second, q.first, q.second};
}

}  // namespace

void random_fill_reference(const RandomFill& a, Context& ctx) {
  const std::uint32_t step = a.step_now();
  const double factor = a.distribution == Distribution::uniform ? a.high - a.low : a.high;
  visit_float(a.dtype(), [&](auto t) {
    parallel_for(ctx, a.n, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i += 4) {
        const auto g = draws(a, step, i / 4);
        for (std::int64_t k = 0; k < 4 && i + k < end; k++)
          store(a.y.as<decltype(t)>(), i + k,
                std::fma(factor, static_cast<double>(g[static_cast<std::size_t>(k)]), a.low));
      }
    });
  });
}

}  // namespace sumi
