// Sizes for tests (awkward) and benchmarks (realistic) of the random table.
#pragma once
#include "kernels/core/case.h"
#include "kernels/random/random.h"

namespace sumi {

template <>
inline std::vector<Case<RandomFill>> Cases<RandomFill>::awkward() {
  std::vector<Case<RandomFill>> cases;
  for (const Distribution d : {Distribution::uniform, Distribution::normal})
    for (const std::int64_t n : {0, 1, 3, 4, 5, 63, 64, 65, 1000, 40001}) {
      const RandomFill a{.distribution = d, .low = -0.5, .high = 1.5, .seed = 5, .stream = 2, .step = 9, .n = n};
      cases.push_back({a, {"clock"}});
      if (n == 65) cases.push_back({a});
    }
  return cases;
}

template <>
inline std::vector<Case<RandomFill>> Cases<RandomFill>::realistic() {
  return {{{.distribution = Distribution::uniform, .n = 1 << 22}, {"clock"}},
          {{.distribution = Distribution::normal, .n = 1 << 22}, {"clock"}}};
}

}  // namespace sumi
