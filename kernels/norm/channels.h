// Per-channel numbers laid out so that a vector load finds those of its elements.
#pragma once
#include <cstdint>
#include <numeric>

namespace sumi {

/// Vectors of 4, 8 and 16 lanes step through a row of pixels with C channels in whole periods of this many elements:
/// `wide pixels` of period / C pixels.
constexpr std::int64_t channel_period(std::int64_t C) { return std::lcm(C, std::int64_t{16}); }

/// Elements of a pattern buffer: a period, and the beginning once more for the vector that runs over its end.
constexpr std::int64_t pattern_size(std::int64_t C) { return channel_period(C) + 16; }

/// pattern[j] = value_of(j % C).
template <class F>
void fill_pattern(float* pattern, std::int64_t C, F&& value_of) {
  for (std::int64_t c = 0; c < C; c++) pattern[c] = value_of(c);
  for (std::int64_t j = C; j < pattern_size(C); j++) pattern[j] = pattern[j - C];
}

}  // namespace sumi
