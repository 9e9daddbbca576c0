// Sizes for tests (awkward) and benchmarks (realistic) of the cast table.
#pragma once
#include "kernels/cast/cast.h"
#include "kernels/core/case.h"

namespace sumi {

template <>
inline std::vector<Case<Cast>> Cases<Cast>::awkward() {
  std::vector<Case<Cast>> cases;
  for (const DType to : {DType::f32, DType::f16, DType::bf16})
    for (const std::int64_t n : {0, 1, 7, 15, 16, 17, 63, 64, 65, 1000, 40001})
      cases.push_back({{.n = n, .y = {.dtype = to}}});
  for (const std::int64_t n : {1, 7, 64, 65, 1000}) {
    cases.push_back({{.n = n, .scale = 1 / 127.5, .shift = -1, .x = {.dtype = DType::u8}}});
    cases.push_back({{.n = n, .scale = 25, .shift = 127.5, .y = {.dtype = DType::u8}}});
  }
  return cases;
}

template <>
inline std::vector<Case<Cast>> Cases<Cast>::realistic() {
  constexpr std::int64_t n = 1 << 22;
  return {
      {{.n = n, .y = {.dtype = DType::bf16}}},
      {{.n = n, .y = {.dtype = DType::f16}}},
      {{.n = n, .x = {.dtype = DType::bf16}}},
      {{.n = n, .x = {.dtype = DType::f16}}},
      {{.n = n, .scale = 127.5, .shift = 127.5, .y = {.dtype = DType::u8}}},
      {{.n = n, .scale = 1 / 127.5, .shift = -1, .x = {.dtype = DType::u8}}},
  };
}

}  // namespace sumi
