// Shapes for tests (awkward) and benchmarks (realistic) of the two pool tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/pool/pool.h"

namespace sumi {

inline std::vector<PoolDims> awkward_pool_dims() {
  std::vector<PoolDims> all;
  for (const std::int64_t C : {1, 2, 3, 15, 16, 17, 64, 65}) {
    all.push_back({.N = 2, .H = 4, .W = 6, .C = C});
    all.push_back({.N = 1, .H = 5, .W = 7, .C = C});
    all.push_back({.N = 1, .H = 5, .W = 7, .C = C, .ceil_mode = true});
    all.push_back({.N = 2, .H = 6, .W = 5, .C = C, .R = 3, .S = 3, .pad = Pad4::all(1), .count_include_pad = false});
    all.push_back({.N = 1, .H = 6, .W = 8, .C = C, .R = 3, .S = 2, .stride_h = 1, .stride_w = 3, .pad = {1, 0, 1, 1}});
    all.push_back({.N = 1, .H = 6, .W = 7, .C = C, .R = 3, .S = 3, .pad = {1, 1, 0, 1}, .ceil_mode = true});
    all.push_back({.N = 1,
                   .H = 8,
                   .W = 7,
                   .C = C,
                   .R = 2,
                   .S = 2,
                   .stride_h = 3,
                   .stride_w = 3,
                   .ceil_mode = true,
                   .count_include_pad = false});
    all.push_back({.N = 3, .H = 3, .W = 5, .C = C, .R = 3, .S = 5, .stride_h = 1, .stride_w = 1});
  }
  all.push_back({.N = 1, .H = 1, .W = 1, .C = 1, .R = 1, .S = 1, .stride_h = 1, .stride_w = 1});
  return all;
}

/// VGG's max pools, ResNet's stem, global and PatchGAN average pools.
inline std::vector<PoolDims> realistic_pool_dims() {
  return {
      {.N = 1, .H = 256, .W = 256, .C = 64},
      {.N = 1, .H = 64, .W = 64, .C = 256},
      {.N = 1, .H = 112, .W = 112, .C = 64, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 8, .H = 16, .W = 16, .C = 512, .R = 16, .S = 16, .stride_h = 1, .stride_w = 1},
      {.N = 1, .H = 256, .W = 256, .C = 3, .R = 3, .S = 3, .pad = Pad4::all(1), .count_include_pad = false},
  };
}

template <class Args>
std::vector<Case<Args>> pool_cases(const std::vector<PoolDims>& dims) {
  std::vector<Case<Args>> cases;
  for (const PoolDims& d : dims)
    for (const Pooling p : {Pooling::max, Pooling::average}) cases.push_back({{.pooling = p, .d = d}});
  return cases;
}

template <>
inline std::vector<Case<PoolForward>> Cases<PoolForward>::awkward() {
  return pool_cases<PoolForward>(awkward_pool_dims());
}
template <>
inline std::vector<Case<PoolForward>> Cases<PoolForward>::realistic() {
  return pool_cases<PoolForward>(realistic_pool_dims());
}
template <>
inline std::vector<Case<PoolBackward>> Cases<PoolBackward>::awkward() {
  std::vector<Case<PoolBackward>> cases = pool_cases<PoolBackward>(awkward_pool_dims());
  cases.push_back({{.pooling = Pooling::average, .d = {.N = 2, .H = 6, .W = 4, .C = 19}}, {"x"}});
  return cases;
}
template <>
inline std::vector<Case<PoolBackward>> Cases<PoolBackward>::realistic() {
  return pool_cases<PoolBackward>(realistic_pool_dims());
}

}  // namespace sumi
