// Per-channel numbers laid out so that a vector load finds those of its elements.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>

#include "kernels/norm/norm.h"

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

/// An image's pixels in chunks of wide pixels: what one task sums in f32, lane by lane. A lane meets at most 256 values
/// in a chunk, which keeps the rounding of its sum below 256 units and typically at 16. The pixels that fill no wide
/// pixel are one more chunk. Cut by shape alone, so that no result depends on the thread count.
struct ChannelChunks {
  std::int64_t C, period, wide, tail, per_chunk, chunks;  // wide pixels; elements of the tail
  explicit ChannelChunks(const NormDims& d)
      : C(d.C),
        period(channel_period(d.C)),
        wide(d.HW * d.C / period),
        tail(d.HW * d.C % period),
        per_chunk(std::clamp<std::int64_t>(32768 / period, 32, 256)),
        chunks((wide + per_chunk - 1) / per_chunk) {}
  std::int64_t parts() const { return chunks + 1; }
  /// Wide pixels of part i; 0 for the tail.
  std::int64_t pixels_of(std::int64_t i) const { return std::clamp<std::int64_t>(wide - i * per_chunk, 0, per_chunk); }
};

/// The statistic that lane j of image n belongs to.
inline std::int64_t stat_of_lane(const NormDims& d, std::int64_t n, std::int64_t j) {
  return (d.across_batch ? 0 : n) * d.groups + j % d.C / (d.C / d.groups);
}

/// Calls f(statistic, channel, lane) for the lanes of image n, without a division per lane.
template <class F>
void for_each_lane(const NormDims& d, std::int64_t n, F&& f) {
  const std::int64_t first = (d.across_batch ? 0 : n) * d.groups, Cg = d.C / d.groups;
  for (std::int64_t from = 0; from < channel_period(d.C); from += d.C)
    for (std::int64_t g = 0; g < d.groups; g++)
      for (std::int64_t c = g * Cg; c < (g + 1) * Cg; c++) f(first + g, c, from + c);
}

}  // namespace sumi
