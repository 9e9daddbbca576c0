// Statistics of a tile that stands in shared memory as it was stored. Its threads are strands: one walks down two
// columns of some rows, sums what it meets of one image after the other, and hands the sums of an image that began
// above it to the strand where it did. 3.5 instructions an element and no shuffles; one slot for each image of the
// tile.
#pragma once
#include "kernels/conv2d/store_sums.h"
#include "kernels/gemm/tile_line.h"

namespace sumi::cuda {

/// A tile of a product whose rows are the pixels of one image after the other, as `thread` sees it.
struct StoredTile {
  float* values;  // [m] lines (TileLine)
  int thread;
  int product, m0, n0;
  int M, pixels;  // rows of the product, and of each image
};

/// Statistics of what a product's tiles store.
struct TileSums {
  MomentSlots slots;

  __device__ bool wanted() const { return slots.sums != nullptr; }

  /// Of a tile (kM,kN) that is there for all its threads, all of which call it; sync() lets them wait for each other.
  /// The tile's values are gone afterwards.
  template <int kM, int kN, int kThreads, class Sync>
  __device__ __forceinline__ void add(const StoredTile& t, Sync&& sync) const {
    using Line = TileLine<kN>;
    constexpr int kAcross = kN / 2, kStrands = kThreads / kAcross, kRows = kM / kStrands;
    static_assert(kThreads % kAcross == 0 && kM % kStrands == 0 && kRows >= 3, "three rows are handed over");
    const int strand = t.thread / kAcross, column = t.thread % kAcross * 2, n = t.n0 + column;
    const int first = t.m0 + strand * kRows, end = first + kRows < t.M ? first + kRows : t.M;
    const int slot = t.product * slots.per_product + t.m0 / kM;
    float* const own = t.values + strand * kRows * Line::kPitch + Line::place(column);
    int image = first / t.pixels;
    const bool goes_on = strand > 0 && image * t.pixels < first;  // from the strand above
    ShiftedSums<2> above, last;                                   // last: of an image that begins here
    if (n < slots.pitch) {
      const float* row = own;
      for (int m = first; m < end; image++) {
        const int next = (image + 1) * t.pixels, stop = next < end ? next : end;
        ShiftedSums<2> sums = around(row);
        sums.count = static_cast<float>(stop - m);
        const bool begins = m > first || !goes_on;
#pragma unroll 2
        for (; m < stop; m++, row += Line::kPitch) sums.add_apart(load_vector<float, 2>(row).v);
        if (!begins)
          above = sums;
        else if (stop < end)
          slots.store(slot + image, n, sums);
        else
          last = sums;
      }
      if (above.count > 0) above.write(own, Line::kPitch);
    }
    sync();
    if (last.count == 0) return;
    image--;
    for (int s = 1; s < kStrands - strand; s++) {
      const int from = first + s * kRows, next = (image + 1) * t.pixels, most = from + kRows < t.M ? from + kRows : t.M;
      const int stop = next < most ? next : most;
      if (stop <= from) break;
      last.merge(ShiftedSums<2>::read(own + s * kRows * Line::kPitch, Line::kPitch, static_cast<float>(stop - from)));
    }
    slots.store(slot + image, n, last);
  }

 private:
  __device__ static ShiftedSums<2> around(const float* row) {
    const Vector<float, 2> v = load_vector<float, 2>(row);
    ShiftedSums<2> s;
    s.shift[0] = v.v[0], s.shift[1] = v.v[1];
    return s;
  }
};

}  // namespace sumi::cuda
