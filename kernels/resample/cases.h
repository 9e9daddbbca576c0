// Shapes for tests (awkward) and benchmarks (realistic) of the three resample tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/resample/resample.h"

namespace sumi {

template <class Args>
std::vector<Case<Args>> awkward_resample_cases() {
  constexpr auto bilinear = Interpolation::bilinear;
  std::vector<Case<Args>> cases;
  for (const std::int64_t C : {1, 2, 3, 15, 16, 17, 64, 65}) {
    cases.push_back({{.d = {2, 2, 3, C}, .P = 4, .Q = 6}});
    cases.push_back({{.d = {1, 7, 5, C}, .P = 3, .Q = 11}});
    for (const Coordinates how : {Coordinates::half_pixel, Coordinates::align_corners, Coordinates::asymmetric}) {
      cases.push_back({{.d = {2, 3, 2, C}, .P = 6, .Q = 4, .interpolation = bilinear, .coordinates = how}});
      cases.push_back({{.d = {1, 7, 4, C}, .P = 3, .Q = 9, .interpolation = bilinear, .coordinates = how}});
      cases.push_back({{.d = {3, 1, 5, C}, .P = 2, .Q = 1, .interpolation = bilinear, .coordinates = how}});
    }
  }
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_resample_cases() {
  constexpr auto bilinear = Interpolation::bilinear;
  return {
      {{.d = {1, 128, 128, 64}, .P = 256, .Q = 256}},
      {{.d = {1, 128, 128, 64}, .P = 256, .Q = 256, .interpolation = bilinear}},
      {{.d = {1, 64, 64, 256},
        .P = 128,
        .Q = 128,
        .interpolation = bilinear,
        .coordinates = Coordinates::align_corners}},
      {{.d = {1, 512, 512, 3}, .P = 256, .Q = 256, .interpolation = bilinear}},
      {{.d = {8, 299, 299, 3}, .P = 224, .Q = 224, .interpolation = bilinear}},
  };
}

template <>
inline std::vector<Case<ResampleForward>> Cases<ResampleForward>::awkward() {
  return awkward_resample_cases<ResampleForward>();
}
template <>
inline std::vector<Case<ResampleForward>> Cases<ResampleForward>::realistic() {
  return realistic_resample_cases<ResampleForward>();
}
template <>
inline std::vector<Case<ResampleBackward>> Cases<ResampleBackward>::awkward() {
  return awkward_resample_cases<ResampleBackward>();
}
template <>
inline std::vector<Case<ResampleBackward>> Cases<ResampleBackward>::realistic() {
  return realistic_resample_cases<ResampleBackward>();
}

template <>
inline std::vector<Case<PixelShuffle>> Cases<PixelShuffle>::awkward() {
  std::vector<Case<PixelShuffle>> cases;
  for (const bool inverse : {false, true})
    for (const int b : {1, 2, 3, 4})
      for (const std::int64_t C : {1, 3, 5, 16, 17})
        cases.push_back({{.d = {2, 3, 5, C * b * b}, .block = b, .inverse = inverse}});
  return cases;
}
template <>
inline std::vector<Case<PixelShuffle>> Cases<PixelShuffle>::realistic() {
  return {
      {{.d = {1, 128, 128, 256}, .block = 2}},
      {{.d = {1, 256, 256, 12}, .block = 2}},
      {{.d = {1, 128, 128, 48}, .block = 4}},
      {{.d = {1, 128, 128, 256}, .block = 2, .inverse = true}},
  };
}

}  // namespace sumi
