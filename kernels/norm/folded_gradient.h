// The gradient of an enlarged and padded image, folded back onto the image while it is loaded: a pixel's gradient is
// the sum of those of all positions that read it. Inside the image those are its own alone, one load as without
// padding, or four; near the edge a few more, in a loop. The lines that need the loop are known beforehand: with
// reflection by p there are p next to the edge line on each side (6 % of a 256 x 256 image for p = 4), with replication
// the edge line.
#pragma once
#include "kernels/core/shapes.h"
#include "kernels/device/pixel_lanes.h"

namespace sumi::cuda {

/// Rows or columns of a padded image, `n` before padding. Lines [begin,end) of them are read by their own position
/// alone.
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

/// dy (images,P,Q,C) of x (images,H,W,C), whose sides are those of rows and columns, or half of them. `images` of them
/// share a statistic; pixels are counted through all of them.
struct Folding {
  PaddedSide rows = {}, columns = {};
  PadMode mode = PadMode::zero;
  int images = 1, C = 1;
};

/// A thread's lanes of dy, of x enlarged kUp times.
template <class T, int V, int kUp>
struct FoldedGradient {
  const Folding& f;
  const T* dy;
  const PixelPlace& place;

  struct Pixel {
    int image, row, column;
    __device__ Pixel(const Folding& f, const PixelPlace& place, std::int64_t i) : image(static_cast<int>(place.n)) {
      const RowColumn at(i, f.columns.n / kUp);
      row = at.row, column = at.column;
      if (f.images == 1) return;
      const RowColumn within(at.row, f.rows.n / kUp);
      image = image * f.images + within.row, row = within.column;
    }
  };
  __device__ __forceinline__ Vector<T, V> at(int image, int row, int column) const {
    const int line = image * f.rows.padded() + row;
    return load_vector<T, V>(dy + (std::int64_t{line} * f.columns.padded() + column) * f.C + place.lane);
  }
  /// What its own positions hold of a pixel; `shared`: others may hold more.
  struct Own {
    Vector<T, V> v[kUp * kUp];
    bool shared;
  };
  __device__ __forceinline__ Own own(std::int64_t i) const {
    const Pixel p(f, place, i);
    const int row = kUp * p.row, column = kUp * p.column;
    Own own;
    own.shared =
        row < f.rows.begin || row + kUp > f.rows.end || column < f.columns.begin || column + kUp > f.columns.end;
#pragma unroll
    for (int k = 0; k < kUp * kUp; k++)
      own.v[k] = at(p.image, Readers::own(f.rows, row + k / kUp), Readers::own(f.columns, column + k % kUp));
    return own;
  }
  /// g: the sum over all positions of pixel i.
  __device__ __forceinline__ void add_up(const Own& own, std::int64_t i, float (&g)[V]) const {
#pragma unroll
    for (int e = 0; e < V; e++) g[e] = to_float(own.v[0].v[e]);
#pragma unroll
    for (int k = 1; k < kUp * kUp; k++) add(own.v[k], g);
    if (!own.shared) return;
    const Pixel p(f, place, i);
#pragma unroll 1
    for (int k = 0; k < kUp * kUp; k++) add_others(p.image, kUp * p.row + k / kUp, kUp * p.column + k % kUp, g);
  }
  static __device__ __forceinline__ void add(const Vector<T, V>& v, float (&g)[V]) {
#pragma unroll
    for (int e = 0; e < V; e++) g[e] += to_float(v.v[e]);
  }
  /// What positions other than its own hold of a pixel of the enlarged image.
  __device__ __forceinline__ void add_others(int image, int own_row, int own_column, float (&g)[V]) const {
    const Readers rows(f.rows, f.mode, own_row), columns(f.columns, f.mode, own_column);
#pragma unroll 1
    for (int r = 0; r < rows.count; r++)
#pragma unroll 1
      for (int c = 0; c < columns.count; c++) {
        const int row = rows[r], column = columns[c];
        if (row == Readers::own(f.rows, own_row) && column == Readers::own(f.columns, own_column)) continue;
        add(at(image, row, column), g);
      }
  }
};

/// The same interface of a dy that has x's size.
template <class T, int V>
struct PlainGradient {
  const PixelLanes& l;
  const T* dy;
  const PixelPlace& place;

  __device__ __forceinline__ Vector<T, V> own(std::int64_t i) const {
    return load_vector<T, V>(dy + (place.n * l.pixels + i) * l.period + place.lane);
  }
  __device__ __forceinline__ void add_up(const Vector<T, V>& own, std::int64_t, float (&g)[V]) const {
#pragma unroll
    for (int e = 0; e < V; e++) g[e] = to_float(own.v[e]);
  }
};

}  // namespace sumi::cuda
