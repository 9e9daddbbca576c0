// Shapes for tests (awkward) and benchmarks (realistic) of the two pad tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/pad/pad.h"

namespace sumi {

template <class Args>
std::vector<Case<Args>> awkward_pad_cases() {
  std::vector<Case<Args>> cases;
  for (const std::int64_t C : {1, 2, 3, 15, 16, 17, 64, 65}) {
    cases.push_back({{.d = {3, 1, 1, C}, .pad = {1, 2, 0, 3}}});
    cases.push_back({{.d = {2, 5, 4, C}, .pad = {4, 1, 3, 2}, .mode = PadMode::reflect}});
    cases.push_back({{.d = {1, 2, 3, C}, .pad = {5, 0, 4, 7}, .mode = PadMode::replicate}});
    cases.push_back({{.d = {1, 7, 6, C}, .pad = {-1, -2, -3, -1}}});
    cases.push_back({{.d = {2, 6, 7, C}, .pad = {2, -1, -3, 3}, .mode = PadMode::reflect}});
    cases.push_back({{.d = {1, 4, 3, C}, .pad = {-2, 3, 1, -1}, .mode = PadMode::replicate}});
    cases.push_back({{.d = {1, 3, 2, C}}});
  }
  return cases;
}

template <class Args>
std::vector<Case<Args>> realistic_pad_cases() {
  return {
      {{.d = {1, 256, 256, 64}, .pad = Pad4::all(1), .mode = PadMode::reflect}},
      {{.d = {1, 256, 256, 64}, .pad = Pad4::all(1)}},
      {{.d = {1, 512, 512, 3}, .pad = Pad4::all(4), .mode = PadMode::reflect}},
      {{.d = {4, 64, 64, 256}, .pad = {0, 1, 0, 1}}},
      {{.d = {1, 264, 264, 64}, .pad = Pad4::all(-4)}},
  };
}

template <>
inline std::vector<Case<PadForward>> Cases<PadForward>::awkward() {
  std::vector<Case<PadForward>> cases = awkward_pad_cases<PadForward>();
  cases.push_back({{.d = {1, 2, 2, 5}, .pad = {1, 1, 2, 0}, .value = -3}});
  return cases;
}
template <>
inline std::vector<Case<PadForward>> Cases<PadForward>::realistic() {
  return realistic_pad_cases<PadForward>();
}
template <>
inline std::vector<Case<PadBackward>> Cases<PadBackward>::awkward() {
  return awkward_pad_cases<PadBackward>();
}
template <>
inline std::vector<Case<PadBackward>> Cases<PadBackward>::realistic() {
  return realistic_pad_cases<PadBackward>();
}

}  // namespace sumi
