// Chunks of tiles through the three steps, each by one thread with private scratch:
//   inputs (row block, part, C/16, rows, 37, 16)  the 36 values of a (tile, 16 channels) lie together: the transform
//                                         writes one stream, the products read a line per (tile, 16 channels)
//   for each block of output channels:
//     products (tile, K/16, 36, 16)         36 matrix products
//     outputs                               36 lines in, 16 pixels out
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv2d/winograd_run.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/conv2d/winograd.h"
#include "kernels/conv2d/winograd_tile-inl.h"
#include "kernels/core/parallel.h"

#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace sumi::winograd::HWY_NAMESPACE {

template <class T>
using LoadTile = void (*)(const InputTile<T>&, std::int64_t, std::int64_t);
template <class T>
using StoreTile = void (*)(const OutputTile<T>&, std::int64_t, std::int64_t);

template <class T, bool kEdge>
LoadTile<T> load_tile(const Prologue& p) {
  if (!p) return input_tile<T, false, Map::identity, kEdge>;
  if (p.act == Map::relu) return input_tile<T, true, Map::relu, kEdge>;
  if (p.act == Map::leaky_relu) return input_tile<T, true, Map::leaky_relu, kEdge>;
  return input_tile<T, true, Map::identity, kEdge>;
}

template <class T, bool kEdge, Map kAct>
StoreTile<T> store_tile_of(bool stats) {
  return stats ? output_tile<T, kAct, true, kEdge> : output_tile<T, kAct, false, kEdge>;
}
template <class T, bool kEdge>
StoreTile<T> store_tile(Map act, bool stats) {
  if (act == Map::relu) return store_tile_of<T, kEdge, Map::relu>(stats);
  if (act == Map::leaky_relu) return store_tile_of<T, kEdge, Map::leaky_relu>(stats);
  return store_tile_of<T, kEdge, Map::identity>(stats);
}

/// The offset of the row or column that padded index `i` reads, or -1 for zeros; none is read from `end` on.
inline std::ptrdiff_t source(std::int64_t i, std::int64_t size, std::int64_t end, PadMode mode, std::int64_t pitch) {
  const std::int64_t at = i >= end ? -1 : padded_index(i, size, mode);
  return at < 0 ? -1 : at * pitch;
}

template <class T>
class Chunk {
 public:
  Chunk(const Job& job, float* inputs, float* products)
      : job_(job),
        inputs_(inputs),
        products_(products),
        load_inner_(load_tile<T, false>(job.prologue)),
        load_edge_(load_tile<T, true>(job.prologue)),
        store_inner_(store_tile<T, false>(job.epilogue.act, job.moments != nullptr)),
        store_edge_(store_tile<T, true>(job.epilogue.act, job.moments != nullptr)) {}

  void load(std::int64_t chunk) {
    chunk_ = chunk, begin_ = job_.first_tile(chunk), count_ = job_.first_tile(chunk + 1) - begin_;
    row_blocks_ = (count_ + kRows - 1) / kRows;
    for (std::int64_t b = 0; b <= row_blocks_; b++) first_row_[b] = count_ * b / row_blocks_;
    const std::int64_t groups = job_.channels() / kGroup;
    for (std::int64_t b = 0; b < row_blocks_; b++) {
      const std::int64_t row = first_row_[b], rows = first_row_[b + 1] - row;
      for (std::int64_t r = 0; r < rows; r++)
        load_parts(begin_ + row + r, inputs_ + (row * groups + r) * kSlot, rows * kSlot);
    }
  }

  /// Output channels [k, k + count).
  void multiply(std::int64_t k, std::int64_t count) {
    const Parts parts = job_.parts;  // a copy: the calls below cannot change it
    const std::int64_t channels = job_.channels(), groups = channels / kGroup / parts.count();
    for (std::int64_t point = 0; point < kPoints; point++) {
      const auto [begin, end] = parts.range(point);
      multiply_point(point, k, round_up(count, kGroup), begin * groups, (end - begin) * groups, channels);
    }
  }

  void store(std::int64_t k, std::int64_t count) {
    const std::int64_t products_row = round_up(count, kGroup) * kPoints;
    for (std::int64_t r = 0; r < count_; r++) store_one(begin_ + r, k, count, products_ + r * products_row);
  }

 private:
  /// `columns` output channels from k on: the sum over `groups` groups of input channels from `skip` on.
  void multiply_point(std::int64_t point, std::int64_t k, std::int64_t columns, std::int64_t skip, std::int64_t groups,
                      std::int64_t channels) {
    const std::int64_t products_row = columns * kPoints, inputs_row = channels / kGroup * kSlot;
    for (std::int64_t j = 0; j < columns; j += 2 * kLanes) {
      const std::int64_t panel = (k + j) / kPanel * kPoints + point;
      const float* weights = job_.weights + (panel * channels + skip * kGroup) * kPanel + (k + j) % kPanel;
      const auto& by_rows = columns - j >= 2 * kLanes ? kMultiplyTwo : kMultiplyOne;
      float* products = products_ + j / kGroup * (kPoints * kGroup) + point * kGroup + j % kGroup;
      for (std::int64_t b = 0; b < row_blocks_; b++) {
        const std::int64_t row = first_row_[b], rows = first_row_[b + 1] - row;
        const float* inputs = inputs_ + row * inputs_row + skip * rows * kSlot + point * kGroup;
        // Each row block prefetches one half of the next point's weights.
        by_rows[static_cast<std::size_t>(rows - 1)](inputs, weights, groups, products + row * products_row,
                                                    products_row, weights + channels * (kPanel + b % 2 * kGroup));
      }
    }
  }

  void load_parts(std::int64_t tile, float* v, std::int64_t v_row) const {
    const Parts parts = job_.parts;
    const std::int64_t step = round_up(job_.C, kGroup) / kGroup * v_row;
    for (std::int64_t part = 0; part < parts.count(); part++) load_one(tile, parts.place(part), v + part * step, v_row);
  }

  void load_one(std::int64_t tile, Parts::Place part, float* v, std::int64_t v_row) const {
    const std::int64_t column = tile % job_.tile_columns, row = tile / job_.tile_columns % job_.tile_rows;
    const std::int64_t n = tile / job_.tile_columns / job_.tile_rows, C = job_.C;
    InputTile<T> t{.x = job_.x.as<T>() + n * job_.H * job_.W * C, .C = C, .v = v, .v_row = v_row};
    if (job_.prologue) {
      t.scale = job_.prologue.scale.as<float>() + n * C, t.shift = job_.prologue.shift.as<float>() + n * C;
      t.slope = static_cast<float>(job_.prologue.a);
    }
    const std::int64_t top = row * kTile + 3 * part.i - job_.top, left = column * kTile + 3 * part.j - job_.left;
    std::ptrdiff_t least = 0;
    for (int i = 0; i < kPatch; i++) {
      t.rows[i] = source(top + i, job_.H, job_.P + job_.parts.R - 1 - job_.top, job_.pad_mode, job_.W * C);
      t.cols[i] = source(left + i, job_.W, job_.Q + job_.parts.S - 1 - job_.left, job_.pad_mode, C);
      least = std::min({least, t.rows[i], t.cols[i]});
    }
    const std::int64_t whole = least < 0 ? 0 : C / kLanes * kLanes, all = round_up(C, kGroup);
    if (whole > 0) load_inner_(t, 0, whole);
    if (whole < all) load_edge_(t, whole, all);
  }

  void store_one(std::int64_t tile, std::int64_t k, std::int64_t count, const float* products) const {
    const std::int64_t column = tile % job_.tile_columns, row = tile / job_.tile_columns % job_.tile_rows;
    const std::int64_t n = tile / job_.tile_columns / job_.tile_rows, K = job_.K;
    const std::int64_t p = row * kTile, q = column * kTile, at = ((n * job_.P + p) * job_.Q + q) * K + k;
    const Epilogue& e = job_.epilogue;
    OutputTile<T> t{.products = products, .y = job_.y.as<T>() + at, .row = job_.Q * K, .column = K, .K = count};
    t.h = std::min(kTile, job_.P - p), t.w = std::min(kTile, job_.Q - q);
    if (e.residual) t.residual = e.residual.as<T>() + at;
    if (e.bias) t.bias = e.bias.as<float>() + k;
    t.slope = static_cast<float>(e.a), t.stream = job_.stream;
    if (job_.moments) {
      t.shift = job_.moments + (chunk_ + n) * job_.moments_row() + k;
      t.sum = t.shift + round_up(K, kGroup), t.squares = t.sum + round_up(K, kGroup);
      t.first = tile == begin_ || (row == 0 && column == 0);
    }
    const std::int64_t whole = t.h < kTile || t.w < kTile ? 0 : count / kLanes * kLanes;
    if (whole > 0) store_inner_(t, 0, whole);
    if (whole < count) store_edge_(t, whole, count);
  }

  const Job& job_;
  float *inputs_, *products_;
  LoadTile<T> load_inner_, load_edge_;
  StoreTile<T> store_inner_, store_edge_;
  std::int64_t chunk_ = 0, begin_ = 0, count_ = 0, row_blocks_ = 0;
  std::int64_t first_row_[kMostTiles / kRows + 1];  // of each row block, and the end
};

/// Units are (chunk, block of output channels): a thread that enters a chunk transforms its input once.
template <class T>
void run_as(const Job& job, Context& ctx) {
  const std::int64_t blocks = job.blocks(), most = (job.tiles() + job.chunks - 1) / job.chunks;
  const std::int64_t inputs = most * job.channels() / kGroup * kSlot, products = most * job.block * kPoints;
  parallel_for(ctx, job.chunks * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch in = ctx.scratch(static_cast<std::size_t>(inputs) * sizeof(float));
    const Scratch out = ctx.scratch(static_cast<std::size_t>(products) * sizeof(float));
    Chunk<T> chunk(job, in.as<float>(), out.as<float>());
    for (std::int64_t u = begin; u < end; u++) {
      if (u == begin || u % blocks == 0) chunk.load(u / blocks);
      const std::int64_t k = u % blocks * job.block, count = std::min(job.block, job.K - k);
      chunk.multiply(k, count);
      chunk.store(k, count);
    }
    hwy::FlushStream();
  });
}

void run_for_target(const Job& job, Context& ctx) {
  visit_f32_bf16(job.x.dtype, [&](auto type) { run_as<decltype(type)>(job, ctx); });
}

}  // namespace sumi::winograd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi::winograd {
HWY_EXPORT(run_for_target);
void run(const Job& job, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_for_target)(job, ctx); }
}  // namespace sumi::winograd
#endif
