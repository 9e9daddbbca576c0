// Shapes for tests (awkward) and benchmarks (realistic) of the four loss tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/loss/loss.h"

namespace sumi {

template <class Args>
std::vector<Case<Args>> awkward_losses() {
  std::vector<Case<Args>> cases;
  for (const Loss f : {Loss::mse, Loss::l1, Loss::huber})
    for (const std::int64_t n : {1, 7, 15, 16, 17, 63, 64, 65, 1000, 70001})
      cases.push_back({Args{.f = f, .delta = 0.7, .n = n}});
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_losses() {
  constexpr std::int64_t n = 4 * 128 * 128 * 128;  // relu2_2 of a batch at 256 x 256
  return {{Args{.f = Loss::mse, .n = n}}, {Args{.f = Loss::l1, .n = n}}, {Args{.f = Loss::huber, .n = n}}};
}

template <class Args>
std::vector<Case<Args>> awkward_total_variations() {
  std::vector<Case<Args>> cases;
  for (const int p : {1, 2})
    for (const Dims4& d : {Dims4{1, 1, 1, 1}, Dims4{1, 1, 9, 3}, Dims4{2, 8, 1, 4}, Dims4{2, 5, 7, 3},
                           Dims4{1, 2, 8, 3}, Dims4{1, 17, 33, 3}, Dims4{2, 4, 6, 17}, Dims4{1, 80, 90, 3}})
      cases.push_back({Args{.d = d, .p = p}});
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_total_variations() {
  return {{Args{.d = {4, 256, 256, 3}, .p = 1}}, {Args{.d = {1, 1024, 1024, 3}, .p = 2}}};
}

template <>
inline std::vector<Case<LossForward>> Cases<LossForward>::awkward() {
  return awkward_losses<LossForward>();
}
template <>
inline std::vector<Case<LossForward>> Cases<LossForward>::realistic() {
  return realistic_losses<LossForward>();
}
template <>
inline std::vector<Case<LossBackward>> Cases<LossBackward>::awkward() {
  return awkward_losses<LossBackward>();
}
template <>
inline std::vector<Case<LossBackward>> Cases<LossBackward>::realistic() {
  return realistic_losses<LossBackward>();
}
template <>
inline std::vector<Case<TotalVariationForward>> Cases<TotalVariationForward>::awkward() {
  return awkward_total_variations<TotalVariationForward>();
}
template <>
inline std::vector<Case<TotalVariationForward>> Cases<TotalVariationForward>::realistic() {
  return realistic_total_variations<TotalVariationForward>();
}
template <>
inline std::vector<Case<TotalVariationBackward>> Cases<TotalVariationBackward>::awkward() {
  return awkward_total_variations<TotalVariationBackward>();
}
template <>
inline std::vector<Case<TotalVariationBackward>> Cases<TotalVariationBackward>::realistic() {
  return realistic_total_variations<TotalVariationBackward>();
}

}  // namespace sumi
