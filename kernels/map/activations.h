// The activations that rows fuse.
#pragma once
#include <type_traits>
#include <utility>

#include "kernels/map/functions.h"

namespace sumi {

/// Calls visit(std::integral_constant<Map, act>{}) for one of the activations; for identity where `act` is none.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class V>
SUMI_HD void visit_activation(Map act, V&& visit) {
  if (act == Map::relu) return visit(std::integral_constant<Map, Map::relu>{});
  if (act == Map::leaky_relu) return visit(std::integral_constant<Map, Map::leaky_relu>{});
  if (act == Map::tanh) return visit(std::integral_constant<Map, Map::tanh>{});
  if (act == Map::sigmoid) return visit(std::integral_constant<Map, Map::sigmoid>{});
  visit(std::integral_constant<Map, Map::identity>{});
}

/// v[i] = act(v[i]). The function is chosen once, not for each element.
template <int V>
SUMI_HD void activate(Map act, float a, float (&v)[V]) {
  visit_activation(act, [&](auto f) {
    for (int i = 0; i < V; i++) v[i] = map_value<decltype(f)::value>(v[i], a);
  });
}

}  // namespace sumi
