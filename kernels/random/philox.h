// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once
#include <array>
#include <cstdint>

#include "kernels/map/functions.h"

namespace sumi {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// One round and the next key: plain words, so that a loop over blocks vectorises.
struct PhiloxRound {
  std::uint32_t c0, c1, c2, c3, k0, k1;
  SUMI_HD PhiloxRound next() const {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c0, b = std::uint64_t{0xCD9E8D57u} * c2;
    return {static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0,
            static_cast<std::uint32_t>(b),
            static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1,
            static_cast<std::uint32_t>(a),
            k0 + 0x9E3779B9u,
            k1 + 0xBB67AE85u};
  }
};

/// The four words of counter `c` under key `k`.
SUMI_HD PhiloxBlock philox(PhiloxBlock c, std::array<std::uint32_t, 2> k) {
  const PhiloxRound five = PhiloxRound{c[0], c[1], c[2], c[3], k[0], k[1]}.next().next().next().next().next();
  const PhiloxRound ten = five.next().next().next().next().next();
  return {ten.c0, ten.c1, ten.c2, ten.c3};
}

/// The block of four words number `index` of (seed, stream, step).
SUMI_HD PhiloxBlock philox_at(std::uint64_t seed, std::uint32_t stream, std::uint32_t step, std::uint64_t index) {
  return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), step, stream},
                {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

/// In [0, 1), 24 bits.
SUMI_HD float uniform_from(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace sumi
