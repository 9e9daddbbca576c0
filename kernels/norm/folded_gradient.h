// The gradient of a padded image, folded back onto the image while it is loaded: a pixel's gradient is the sum of those
// of all padded positions that read it. Inside the image that is its own position alone, one load as without padding;
// near the edge a few more, in a loop. The image's lines that need the loop are known beforehand: with reflection by p
// there are p next to the edge line on each side (6 % of a 256 x 256 image for p = 4), with replication the edge line.
#pragma once
#include "kernels/core/shapes.h"
#include "kernels/device/pixel_lanes.h"

namespace sumi::cuda {

/// Rows or columns of a padded image. Lines [begin,end) of the n are read by their own position alone.
struct PaddedSide {
  int n = 1, before = 0, after = 0, begin = 0, end = 1;
  constexpr int padded() const { return before + n + after; }
};

inline PaddedSide padded_side(std::int64_t n, int before, int after, PadMode mode) {
  PaddedSide s{.n = static_cast<int>(n), .before = before, .after = after, .begin = 0, .end = static_cast<int>(n)};
  if (mode == PadMode::zero) return s;
  const bool mirrored = mode == PadMode::reflect;
  if (before > 0) s.begin = mirrored ? before + 1 : 1;
  if (after > 0) s.end = s.n - (mirrored ? after + 1 : 1);
  return s;
}

/// The positions of the padded side that read line i, in a fixed order: i's own and those that repeat or mirror it.
struct Readers {
  int first, run, count, next, last;  // first, first + 1 ... run of them, then next and last
  __device__ Readers(const PaddedSide& s, PadMode mode, int i) : first(own(s, i)), run(1), count(1), next(0), last(0) {
    const int back = s.n - 1 - i;  // lines behind i
    if (mode == PadMode::replicate) {
      if (i == 0) first = 0, run += s.before;
      if (back == 0) run += s.after;
      count = run;
    } else if (mode == PadMode::reflect) {
      last = own(s, i) + 2 * back;
      const bool behind = back > 0 && back <= s.after, ahead = i > 0 && i <= s.before;
      next = ahead ? s.before - i : last;
      count += ahead + behind;
    }
  }
  static __device__ int own(const PaddedSide& s, int i) { return s.before + i; }
  __device__ int operator[](int k) const { return k < run ? first + k : k == run ? next : last; }
};

/// dy (images,P,Q,C) of x (images,H,W,C). `images` of them share a statistic; pixels are counted through all of them.
struct Folding {
  PaddedSide rows = {}, columns = {};
  PadMode mode = PadMode::zero;
  int images = 1, C = 1;
};

/// A thread's lanes of dy.
template <class T, int V>
struct FoldedGradient {
  const Folding& f;
  const T* dy;
  const PixelPlace& place;

  struct Pixel {
    int image, row, column;
    __device__ Pixel(const Folding& f, const PixelPlace& place, std::int64_t i) : image(static_cast<int>(place.n)) {
      const RowColumn at(i, f.columns.n);
      row = at.row, column = at.column;
      if (f.images == 1) return;
      const RowColumn within(at.row, f.rows.n);
      image = image * f.images + within.row, row = within.column;
    }
  };
  __device__ __forceinline__ Vector<T, V> at(int image, int row, int column) const {
    const int line = image * f.rows.padded() + row;
    return load_vector<T, V>(dy + (std::int64_t{line} * f.columns.padded() + column) * f.C + place.lane);
  }
  /// What its own position holds of pixel i; `shared`: others may hold more.
  __device__ __forceinline__ Vector<T, V> own(std::int64_t i, bool& shared) const {
    const Pixel p(f, place, i);
    shared = p.row < f.rows.begin || p.row >= f.rows.end || p.column < f.columns.begin || p.column >= f.columns.end;
    return at(p.image, Readers::own(f.rows, p.row), Readers::own(f.columns, p.column));
  }
  /// Adds what the other positions hold.
  __device__ __forceinline__ void add_others(std::int64_t i, float (&g)[V]) const {
    const Pixel p(f, place, i);
    const Readers rows(f.rows, f.mode, p.row), columns(f.columns, f.mode, p.column);
    const int own_row = Readers::own(f.rows, p.row), own_column = Readers::own(f.columns, p.column);
#pragma unroll 1
    for (int r = 0; r < rows.count; r++)
#pragma unroll 1
      for (int c = 0; c < columns.count; c++) {
        const int row = rows[r], column = columns[c];
        if (row == own_row && column == own_column) continue;
        const Vector<T, V> v = at(p.image, row, column);
#pragma unroll
        for (int e = 0; e < V; e++) g[e] += to_float(v.v[e]);
      }
  }
};

}  // namespace sumi::cuda
