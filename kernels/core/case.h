// Cases: the shapes an op is tested and benchmarked at. Each op folder has a cases.h that specialises Cases<Args>.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/tensor_ref.h"

namespace sumi {

/// One call to test or time: the arguments, whose operands the caller allocates.
template <class Args>
struct Case {
  Args args;                                // operands unset
  std::vector<std::string_view> without{};  // optional operands left null

  bool leaves_out(const Operand& o) const { return o.optional && std::ranges::find(without, o.name) != without.end(); }
};

/// Specialised in kernels/<op>/cases.h:
///   awkward():   small shapes that break kernels (1, primes, tile-1, tile, tile+1, odd strides and pads): every row of
///                the table runs on each that it supports, in every dtype it claims.
///   realistic(): the shapes that networks use: benchmarks.
template <class Args>
struct Cases {
  static std::vector<Case<Args>> awkward();
  static std::vector<Case<Args>> realistic();
};

}  // namespace sumi
