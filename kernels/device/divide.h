// Division by a number that is known at launch: one multiplication and a shift instead of 20 to 40 instructions
// (Granlund and Montgomery 1994).
#pragma once
#include <bit>
#include <cstdint>

#include "kernels/device/device.h"

namespace sumi {

/// quotient(n) = n / divisor for n >= 0, divisor >= 1. Beyond 31 bits it divides as the compiler does.
struct Divider {
  static constexpr std::int64_t kNarrow = std::int64_t{1} << 31;
  std::int64_t divisor = 1, limit = kNarrow;
  std::uint32_t magic = 1;
  int shift = 0;

  Divider() = default;
  explicit Divider(std::int64_t d) : divisor(d), limit(d < kNarrow ? kNarrow : 0) {
    const auto narrow = static_cast<std::uint64_t>(d < kNarrow ? d : 1);
    shift = static_cast<int>(std::bit_width(narrow - 1));
    magic = static_cast<std::uint32_t>((((std::uint64_t{1} << shift) - narrow) << 32) / narrow + 1);
  }
  __device__ __forceinline__ std::int64_t quotient(std::int64_t n) const {
    if (n >= limit) return n / divisor;
    const auto narrow = static_cast<std::uint32_t>(n);
    return (__umulhi(narrow, magic) + narrow) >> shift;
  }
};

}  // namespace sumi
