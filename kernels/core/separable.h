// Maps of an image that act on rows and columns independently: padding, resampling, pooling, and their transposes.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/context.h"

namespace sumi {

/// A sparse linear map along one side of an image: output i is the sum of weight * input[at] over its entries.
struct LineMap {
  struct Entry {
    std::int64_t at;
    float weight;
  };
  std::int64_t inputs = 0;
  std::vector<std::int64_t> first{0};  // output i has the entries first[i] .. first[i + 1]
  std::vector<Entry> entries;

  std::int64_t outputs() const { return static_cast<std::int64_t>(first.size()) - 1; }
  /// Adds an entry to the output under construction; end_output() finishes that one.
  void add(std::int64_t at, float weight) { entries.push_back({at, weight}); }
  void end_output() { first.push_back(static_cast<std::int64_t>(entries.size())); }
  const Entry* begin_of(std::int64_t i) const { return entries.data() + first[static_cast<std::size_t>(i)]; }
  std::int64_t count_of(std::int64_t i) const {
    return first[static_cast<std::size_t>(i) + 1] - first[static_cast<std::size_t>(i)];
  }
};

/// The map of the gradients: an entry (at -> i) becomes (i -> at), in order of i.
LineMap transposed(const LineMap& m);

/// The two maps of an image's sides.
struct LineMaps {
  LineMap rows, columns;
};
/// Of both sides.
inline LineMaps transposed(const LineMaps& m) { return {transposed(m.rows), transposed(m.columns)}; }

/// y [N,P,Q,C] from x [N,H,W,C]: rows maps H to P, columns W to Q. Cut once into blocks of columns whose inputs fit
/// into the first-level cache.
struct SeparableMap {
  enum class Kind : std::uint8_t { fill, copy, mix };
  struct Block {
    Kind kind;                           // no entries; one entry of weight 1 each, at consecutive inputs; anything
    std::int64_t begin, end, low, high;  // outputs [begin,end) read inputs [low,high)
  };
  SeparableMap(LineMap rows_, LineMap columns_, std::int64_t N_, std::int64_t C_);
  SeparableMap(LineMaps m, std::int64_t N_, std::int64_t C_)
      : SeparableMap(std::move(m.rows), std::move(m.columns), N_, C_) {}

  LineMap rows, columns;
  std::int64_t N, C;
  std::vector<Block> blocks;
  std::int64_t widest = 0;  // inputs of the widest block, in elements

  std::int64_t y_count() const { return N * rows.outputs() * columns.outputs() * C; }
  /// Floats of scratch that one thread needs.
  std::int64_t scratch_floats() const;
};

/// Results of this size and more are written past the caches: a quarter of the last-level caches of small servers.
inline constexpr std::int64_t kStreamBytes = 8 << 20;

/// x and y are f32 or bf16, both the same; sums in f32. `fill` stands where a row or column has no entries.
void separable_sum(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, Context& ctx);
/// The largest input instead of the sum (weights unused); NaN wins.
void separable_max(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, Context& ctx);

namespace cuda {

/// The same on a GPU, in f32, f16 or bf16. `make` is called once for each op and key (all that the maps depend on); its
/// tables then stay on the device.
void separable_sum(std::string_view op, const std::string& key, const std::function<LineMaps()>& make, std::int64_t N,
                   std::int64_t C, const TensorRef& x, const TensorRef& y, float fill, Context& ctx);
void separable_max(std::string_view op, const std::string& key, const std::function<LineMaps()>& make, std::int64_t N,
                   std::int64_t C, const TensorRef& x, const TensorRef& y, float fill, Context& ctx);

}  // namespace cuda
}  // namespace sumi
