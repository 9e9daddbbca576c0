// Shapes for tests (awkward) and benchmarks (realistic) of the reduce table.
#pragma once
#include "kernels/core/case.h"
#include "kernels/reduce/reduce.h"

namespace sumi {

template <>
inline std::vector<Case<Reduce>> Cases<Reduce>::awkward() {
  std::vector<Case<Reduce>> cases;
  for (unsigned axes = 0; axes < 32; axes++)
    cases.push_back({{.f = static_cast<Reduction>(axes % 3), .dims = {2, 3, 5, 7, 9}, .axes = axes}});
  for (const Reduction f : {Reduction::sum, Reduction::mean, Reduction::max}) {
    for (const std::int64_t n : {1, 7, 15, 16, 17, 63, 64, 65, 1000, 70001})
      cases.push_back({{.f = f, .dims = {1, 1, 1, 1, n}, .axes = 31}});
    cases.push_back({{.f = f, .dims = {1, 2, 40, 50, 3}, .axes = 0b01100}});
    cases.push_back({{.f = f, .dims = {1, 2, 40, 50, 33}, .axes = 0b01110}});
    cases.push_back({{.f = f, .dims = {1, 3, 50, 61, 20}, .axes = 0b01100}});
    cases.push_back({{.f = f, .dims = {1, 1, 3, 4, 2100}, .axes = 0b00100}});
    cases.push_back({{.f = f, .dims = {1, 1, 1, 300, 130}, .axes = 0b10000}});
  }
  return cases;
}

template <>
inline std::vector<Case<Reduce>> Cases<Reduce>::realistic() {
  const Dims5 x{1, 4, 128, 128, 128};
  return {
      {{.f = Reduction::sum, .dims = x, .axes = 31}},        // everything
      {{.f = Reduction::sum, .dims = x, .axes = 0b01111}},   // per channel: bias gradients
      {{.f = Reduction::mean, .dims = x, .axes = 0b01100}},  // per image and channel
      {{.f = Reduction::max, .dims = x, .axes = 0b10000}},   // the last axis
      {{.f = Reduction::sum, .dims = {1, 16, 64, 64, 64}, .axes = 0b00010}},
      {{.f = Reduction::max, .dims = {1, 1, 64, 64, 128}, .axes = 0b10000}},  // small enough for an emulated GPU
      {{.f = Reduction::mean, .dims = {1, 4, 32, 32, 128}, .axes = 0b01100}},
      {{.f = Reduction::sum, .dims = {1, 4, 32, 32, 128}, .axes = 31}},
  };
}

}  // namespace sumi
