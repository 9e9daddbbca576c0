// Sizes for tests (awkward) and benchmarks (realistic) of the transpose table.
#pragma once
#include "kernels/core/case.h"
#include "kernels/transpose/transpose.h"

namespace sumi {

template <>
inline std::vector<Case<Transpose>> Cases<Transpose>::awkward() {
  std::vector<Case<Transpose>> cases;
  for (const std::int64_t batch : {0, 1, 3})
    for (const std::int64_t rows : {1, 7, 31, 64})
      for (const std::int64_t columns : {1, 32, 33, 100})
        cases.push_back({{.batch = batch, .rows = rows, .columns = columns}});
  cases.push_back({{.batch = 1030, .rows = 3, .columns = 5}});   // more matrices than a GPU's grid takes at once
  cases.push_back({{.batch = 1, .rows = 32773, .columns = 2}});  // and more rows
  return cases;
}

/// Gradients of Gram matrices.
template <>
inline std::vector<Case<Transpose>> Cases<Transpose>::realistic() {
  std::vector<Case<Transpose>> cases;
  for (const std::int64_t C : {64, 256, 512}) cases.push_back({{.batch = 4, .rows = C, .columns = C}});
  return cases;
}

}  // namespace sumi
