#include "kernels/conv2d/direct.h"
#include "kernels/core/element.h"
#include "kernels/core/moments.h"

namespace sumi {

RowLayout row_layout(const TapConv& t, std::int64_t steps, std::int64_t pitch) {
  // Pixels a multiple of 2 KiB apart fall into one or two sets of the first-level cache: a tile's 14 would evict each
  // other.
  const bool aliased = t.w.in_step * t.C % 512 == 0;
  if (pitch == 0) pitch = aliased ? t.C + 16 : t.C;
  const bool copied = t.prologue || t.w.padded() || t.x.dtype != DType::f32 || pitch != t.C;
  return {pitch, t.w.extent * pitch, (steps - 1) * t.h.in_step + t.h.reach(), copied};
}

bool stream_output(const TapConv& t, std::int64_t channels, std::int64_t lanes) {
  return t.y.dtype == DType::f32 && channels % lanes == 0 && reinterpret_cast<std::uintptr_t>(t.y.data) % 64 == 0 &&
         t.N * t.h.out * t.w.out * t.K >= (1 << 19);
}

std::vector<Segment> segments_of(const TapConv& t, const Phase& columns, std::int64_t pitch) {
  std::vector<Segment> list;
  for (const Tap& s : columns.taps) {
    const std::ptrdiff_t offset = s.offset * pitch;
    if (!list.empty() && t.groups == 1 && list.back().offset + list.back().length == offset)
      list.back().length += t.C;
    else
      list.push_back({offset, t.Cg()});
  }
  return list;
}

RowChunks::RowChunks(std::int64_t all_rows, std::int64_t floats_per_chunk) : rows(all_rows) {
  constexpr std::int64_t kFloats = std::int64_t{64} << 18;
  count = std::min(rows, std::clamp<std::int64_t>(kFloats / floats_per_chunk, 2, 16));
}

StatisticsParts::StatisticsParts(const TapConv& t, const Panels& panels, std::int64_t parts_per_image, Context& ctx)
    : panels_(panels), parts_(parts_per_image), width_(panels.count() * panels.width) {
  if (!t.epilogue.mean) return;
  const auto bytes = static_cast<std::size_t>(t.N * parts_ * 3 * width_) * sizeof(float);
  sums_ = std::make_unique<Scratch>(ctx.scratch(bytes));
}

PartialSums StatisticsParts::at(std::int64_t n, std::int64_t part, std::int64_t place) const {
  if (!sums_) return {};
  float* p = sums_->as<float>() + (n * parts_ + part) * 3 * width_ + place;
  return {p, p + width_, p + 2 * width_};
}

void StatisticsParts::store(const TapConv& t, const std::vector<std::int64_t>& pixels) const {
  if (!sums_) return;
  for (std::int64_t n = 0; n < t.N; n++)
    for (std::int64_t k = 0; k < t.K; k++) {
      PartialMoments whole;
      for (std::int64_t p = 0; p < parts_; p++) {
        const PartialSums s = at(n, p, panels_.place(k));
        whole.merge(PartialMoments::shifted(static_cast<double>(pixels[static_cast<std::size_t>(p)]),
                                            static_cast<double>(*s.shift), static_cast<double>(*s.sum),
                                            static_cast<double>(*s.squares)));
      }
      store_param(t.epilogue.mean, n * t.K + k, whole.mean);
      store_param(t.epilogue.var, n * t.K + k, whole.variance());
    }
}

void pad_bias(const TapConv& t, const Panels& panels, float* dst) {
  std::fill(dst, dst + panels.count() * panels.width, 0.f);
  if (!t.epilogue.bias) return;
  for (std::int64_t k = 0; k < t.K; k++) dst[panels.place(k)] = t.epilogue.bias.as<float>()[k];
}

std::vector<std::int64_t> RowParts::pixels(const TapConv& t) const {
  std::vector<std::int64_t> counts;
  for (std::int64_t part = 0; part < per_image; part++) {
    std::int64_t row_count = 0;
    for (const Phase& phase : t.h.phases) row_count += rows(phase, part).second - rows(phase, part).first;
    counts.push_back(row_count * t.w.out);
  }
  return counts;
}

}  // namespace sumi
