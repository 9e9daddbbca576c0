// The engine's own direct convolutions for CPUs; docs/kernels/direct.md describes them.
#pragma once
#include <memory>
#include <utility>

#include "kernels/conv2d/taps.h"

namespace sumi {

/// Any convolution and any transpose of one.
void conv2d_forward_direct(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_direct(const Conv2dBackwardInput& a, Context& ctx);

/// Few output channels: one matrix product whose columns are the pairs (s, k), then shifted additions.
bool thin_out_supports(const Conv2dForward& a, const DeviceInfo& device);
bool thin_out_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_thin_out(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_thin_out(const Conv2dBackwardInput& a, Context& ctx);

/// groups == C == K, vectorised over channels.
bool is_depthwise(const Conv2dDims& d);
void conv2d_forward_depthwise(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_depthwise(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_depthwise(const Conv2dBackwardWeight& a, Context& ctx);

void conv2d_backward_weight_direct(const Conv2dBackwardWeight& a, Context& ctx);

/// Floats after a buffer that whole vectors may touch.
inline constexpr std::int64_t kSlack = 64;

/// The padded rows of the input that the kernels read, and how long they are.
struct RowLayout {
  std::int64_t pitch;   // floats from pixel to pixel
  std::int64_t length;  // floats of a row
  std::int64_t slots;   // rows held at once
  bool copied;          // false: the rows are x's own
};

/// `steps` output rows are made from the rows held at once. `pitch` 0 chooses one.
RowLayout row_layout(const TapConv& t, std::int64_t steps, std::int64_t pitch = 0);

/// One run of filter columns and channels that stands contiguously in a padded row.
struct Segment {
  std::ptrdiff_t offset;
  std::int64_t length;
};

/// Whether stores should pass by the caches: f32, runs of `channels` that are whole aligned vectors, 2 MiB or more.
bool stream_output(const TapConv& t, std::int64_t channels, std::int64_t lanes);

/// The taps of one filter row as runs that are contiguous in a padded row.
std::vector<Segment> segments_of(const TapConv& t, const Phase& columns, std::int64_t pitch);

/// The N*P rows that a weight gradient sums over, cut by shape alone: up to 16 chunks, and 64 MiB for their sums.
struct RowChunks {
  std::int64_t rows, count;
  RowChunks(std::int64_t rows, std::int64_t floats_per_chunk);
  std::pair<std::int64_t, std::int64_t> range(std::int64_t chunk) const {
    return {rows * chunk / count, rows * (chunk + 1) / count};
  }
};

/// Sums of one part of an image, per output channel, for the statistics.
struct PartialSums {
  float *shift, *sum, *squares;
};

/// Output channels in panels: each group starts a new one.
struct Panels {
  std::int64_t groups, channels, width;  // channels of one group, of one panel
  std::int64_t per_group() const { return (channels + width - 1) / width; }
  std::int64_t count() const { return groups * per_group(); }
  /// The first channel of a panel, and how many it has.
  std::int64_t first(std::int64_t panel) const { return panel / per_group() * channels + panel % per_group() * width; }
  std::int64_t used(std::int64_t panel) const { return std::min(width, channels - panel % per_group() * width); }
  /// Output channel k's place among count() * width padded ones.
  std::int64_t place(std::int64_t k) const { return k / channels * per_group() * width + k % channels; }
};

/// Sums per part of an image and padded channel, and their merging into mean and var. One call writes each part.
class StatisticsParts {
 public:
  /// No memory where the epilogue wants no statistics.
  StatisticsParts(const TapConv& t, const Panels& panels, std::int64_t parts_per_image, Context& ctx);
  /// The sums of part `part` of image n from padded channel `place` on; all null without statistics.
  PartialSums at(std::int64_t n, std::int64_t part, std::int64_t place) const;
  /// Merges the parts in order; part p has pixels[p] pixels.
  void store(const TapConv& t, const std::vector<std::int64_t>& pixels) const;

 private:
  Panels panels_;
  std::int64_t parts_, width_;
  std::unique_ptr<Scratch> sums_;
};

/// Bias in panel order, zeros where there is none.
void pad_bias(const TapConv& t, const Panels& panels, float* dst);

/// An image's output cut in parts of `steps` rows (of every phase): the unit of work and of statistics.
struct RowParts {
  std::int64_t steps, per_image;
  explicit RowParts(const TapConv& t, std::int64_t steps_per_part)
      : steps(steps_per_part), per_image((t.h.steps() + steps - 1) / steps) {}
  /// Output rows of `phase` in part p: step numbers [first, second).
  std::pair<std::int64_t, std::int64_t> rows(const Phase& phase, std::int64_t part) const {
    return {std::min(part * steps, phase.count), std::min((part + 1) * steps, phase.count)};
  }
  /// Pixels of each part.
  std::vector<std::int64_t> pixels(const TapConv& t) const;
};

}  // namespace sumi
