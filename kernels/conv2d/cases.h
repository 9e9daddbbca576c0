// Shapes for tests (awkward) and benchmarks (realistic) of the three conv2d tables.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/case.h"

namespace sumi {

inline std::vector<Conv2dDims> awkward_conv2d_dims() {
  return {
      {.N = 1, .H = 1, .W = 1, .C = 1, .K = 1},
      {.N = 2, .H = 5, .W = 7, .C = 3, .K = 4, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 1, .H = 9, .W = 6, .C = 4, .K = 6, .R = 3, .S = 3, .stride_h = 2, .stride_w = 2, .pad = {0, 1, 0, 1}},
      {.N = 1, .H = 8, .W = 8, .C = 4, .K = 8, .R = 2, .S = 3, .dilation_h = 2, .groups = 2, .pad = {1, 0, 2, 1}},
  };
}

template <>
inline std::vector<Case<Conv2dForward>> Cases<Conv2dForward>::awkward() {
  std::vector<Case<Conv2dForward>> cases;
  for (const Conv2dDims& d : awkward_conv2d_dims()) {
    Conv2dForward a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.epilogue.act = Map::relu;
    cases.push_back({a, {"scale", "shift", "residual", "mean", "var"}});
    a.prologue.act = Map::leaky_relu;
    a.prologue.a = 0.2;
    cases.push_back({a});
  }
  return cases;
}

template <>
inline std::vector<Case<Conv2dBackwardInput>> Cases<Conv2dBackwardInput>::awkward() {
  std::vector<Case<Conv2dBackwardInput>> cases;
  for (const Conv2dDims& d : awkward_conv2d_dims()) {
    Conv2dBackwardInput a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.prologue.act = Map::relu;
    cases.push_back({a, {"residual"}});
  }
  return cases;
}

template <>
inline std::vector<Case<Conv2dBackwardWeight>> Cases<Conv2dBackwardWeight>::awkward() {
  std::vector<Case<Conv2dBackwardWeight>> cases;
  for (const Conv2dDims& d : awkward_conv2d_dims()) {
    cases.push_back({Conv2dBackwardWeight{.d = d}, {"dbias"}});
    cases.push_back({Conv2dBackwardWeight{.d = d}});
  }
  return cases;
}

}  // namespace sumi
