// Sizes for tests (awkward) and benchmarks (realistic) of the two map tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/map/map.h"

namespace sumi {

/// A parameter that makes sense for every function that takes one.
constexpr double usual_parameter(Map f) {
  return f == Map::leaky_relu ? 0.2 : f == Map::power ? 1.7 : f == Map::scale ? 0.7 : 1.0;
}

/// Every function at one size, and sizes around vector lengths and chunks at a few functions.
template <class Args>
std::vector<Case<Args>> awkward_maps() {
  std::vector<Case<Args>> cases;
  for (int i = 0; i < kMapCount; i++)
    cases.push_back({Args{.f = static_cast<Map>(i), .a = usual_parameter(static_cast<Map>(i)), .n = 1000}});
  for (const Map f : {Map::relu, Map::tanh, Map::exp})
    for (const std::int64_t n : {0, 1, 7, 15, 16, 17, 63, 64, 65, 40000}) cases.push_back({Args{.f = f, .n = n}});
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_maps() {
  std::vector<Case<Args>> cases;
  for (const Map f :
       {Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid, Map::exp, Map::log, Map::sqrt, Map::softplus})
    cases.push_back({Args{.f = f, .a = usual_parameter(f), .n = 512 * 340 * 64}});
  return cases;
}

template <>
inline std::vector<Case<MapForward>> Cases<MapForward>::awkward() {
  return awkward_maps<MapForward>();
}
template <>
inline std::vector<Case<MapForward>> Cases<MapForward>::realistic() {
  return realistic_maps<MapForward>();
}
template <>
inline std::vector<Case<MapBackward>> Cases<MapBackward>::awkward() {
  return awkward_maps<MapBackward>();
}
template <>
inline std::vector<Case<MapBackward>> Cases<MapBackward>::realistic() {
  return realistic_maps<MapBackward>();
}

}  // namespace sumi
