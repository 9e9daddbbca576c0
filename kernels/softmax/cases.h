// Shapes for tests (awkward) and benchmarks (realistic) of the two softmax tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/softmax/softmax.h"

namespace sumi {

template <class Args>
std::vector<Case<Args>> awkward_softmaxes() {
  std::vector<Case<Args>> cases;
  for (const bool log : {false, true})
    for (const std::int64_t columns : {1, 2, 7, 15, 16, 17, 63, 64, 65, 1000})
      cases.push_back({Args{.rows = columns == 7 ? 40 : 3, .columns = columns, .log = log}});
  for (const std::int64_t columns : {100, 200, 1023, 1025, 1032, 4100})  // beyond a warp's lanes, beyond its registers
    cases.push_back({Args{.rows = 2, .columns = columns, .log = columns % 8 == 0}});
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_softmaxes() {
  return {{Args{.rows = 4096, .columns = 1000}},
          {Args{.rows = 4096, .columns = 1000, .log = true}},
          {Args{.rows = 100000, .columns = 10}}};
}

template <>
inline std::vector<Case<SoftmaxForward>> Cases<SoftmaxForward>::awkward() {
  return awkward_softmaxes<SoftmaxForward>();
}
template <>
inline std::vector<Case<SoftmaxForward>> Cases<SoftmaxForward>::realistic() {
  return realistic_softmaxes<SoftmaxForward>();
}
template <>
inline std::vector<Case<SoftmaxBackward>> Cases<SoftmaxBackward>::awkward() {
  return awkward_softmaxes<SoftmaxBackward>();
}
template <>
inline std::vector<Case<SoftmaxBackward>> Cases<SoftmaxBackward>::realistic() {
  return realistic_softmaxes<SoftmaxBackward>();
}

}  // namespace sumi
