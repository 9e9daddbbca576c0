// Shapes for tests (awkward) and benchmarks (realistic) of the binary table.
#pragma once
#include "kernels/binary/binary.h"
#include "kernels/core/case.h"

namespace sumi {

template <>
inline std::vector<Case<Binary>> Cases<Binary>::awkward() {
  struct Pair {
    Dims5 a, b;
  };
  const Pair pairs[] = {
      {{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}},     {{1, 1, 1, 1, 1000}, {1, 1, 1, 1, 1000}},
      {{1, 2, 5, 7, 3}, {1, 1, 1, 1, 1}},     {{1, 1, 1, 1, 1}, {1, 2, 5, 7, 3}},
      {{1, 2, 5, 7, 17}, {1, 1, 1, 1, 17}},   {{1, 1, 1, 1, 17}, {1, 2, 5, 7, 17}},
      {{1, 2, 3, 5, 33}, {1, 2, 1, 1, 33}},   {{1, 2, 3, 5, 64}, {1, 2, 3, 5, 1}},
      {{1, 3, 1, 4, 1}, {1, 1, 5, 1, 6}},     {{2, 1, 3, 1, 5}, {1, 4, 1, 2, 5}},
      {{2, 3, 4, 5, 6}, {2, 3, 4, 5, 6}},     {{1, 1, 1, 0, 8}, {1, 1, 1, 1, 8}},
      {{1, 2, 20, 30, 40}, {1, 1, 1, 1, 40}}, {{1, 2, 3, 5, 32}, {1, 2, 1, 1, 32}},
      {{1, 2, 3, 5, 32}, {1, 1, 3, 1, 32}},   {{3, 1, 2, 1, 16}, {1, 4, 1, 5, 16}},
  };
  std::vector<Case<Binary>> cases;
  for (const Pair& p : pairs)
    for (const BinaryOp f : {BinaryOp::add, BinaryOp::divide})
      cases.push_back({{.f = f, .a_dims = p.a, .b_dims = p.b}});
  for (int f = 0; f <= static_cast<int>(BinaryOp::greater); f++)
    cases.push_back({{.f = static_cast<BinaryOp>(f), .a_dims = {1, 1, 3, 11, 19}, .b_dims = {1, 1, 3, 11, 19}}});
  return cases;
}

template <>
inline std::vector<Case<Binary>> Cases<Binary>::realistic() {
  const Dims5 x{1, 4, 128, 128, 128};
  return {
      {{.f = BinaryOp::add, .a_dims = x, .b_dims = x}},
      {{.f = BinaryOp::multiply, .a_dims = x, .b_dims = {1, 1, 1, 1, 1}}},
      {{.f = BinaryOp::add, .a_dims = x, .b_dims = {1, 1, 1, 1, 128}}},
      {{.f = BinaryOp::multiply, .a_dims = x, .b_dims = {1, 4, 1, 1, 128}}},
      {{.f = BinaryOp::subtract, .a_dims = x, .b_dims = {1, 4, 128, 128, 1}}},
  };
}

}  // namespace sumi
