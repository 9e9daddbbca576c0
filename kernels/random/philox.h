// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once
#include <array>
#include <cstdint>

#include "kernels/map/functions.h"

namespace sumi {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// The four words of counter `c` under key `k`.
SUMI_HD PhiloxBlock philox(PhiloxBlock c, std::array<std::uint32_t, 2> k) {
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u;
  }
  return c;
}

/// The block of four words number `index` of (seed, stream, step).
SUMI_HD PhiloxBlock philox_at(std::uint64_t seed, std::uint32_t stream, std::uint32_t step, std::uint64_t index) {
  return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), step, stream},
                {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

/// In [0, 1), 24 bits.
SUMI_HD float uniform_from(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace sumi
