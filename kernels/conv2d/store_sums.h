// Statistics of what a kernel stores, summed while it stores: each block's sums go to slots of their own, and one
// kernel merges an image's slots. By shape alone: the same bits whatever the order of blocks.
#pragma once
#include <optional>

#include "kernels/conv2d/conv2d.h"
#include "kernels/device/elements.h"

namespace sumi::cuda {

/// Sums of values minus the first of them, for V channels: at mean 1e4 a deviation of 1e-2 keeps its digits.
template <int V>
struct ShiftedSums {
  float shift[V] = {}, sum[V] = {}, square[V] = {}, count = 0;

  __device__ __forceinline__ void add(const float (&v)[V]) {
#pragma unroll
    for (int e = 0; e < V; e++) {
      shift[e] = count > 0 ? shift[e] : v[e];
      const float apart = v[e] - shift[e];
      sum[e] += apart;
      square[e] = fmaf(apart, apart, square[e]);
    }
    count++;
  }
  /// Either may be of nothing.
  __device__ __forceinline__ void merge(const ShiftedSums& o) {
#pragma unroll
    for (int e = 0; e < V; e++) {
      shift[e] = count > 0 ? shift[e] : o.shift[e];
      const float apart = o.shift[e] - shift[e], moved = apart * o.count;
      sum[e] += o.sum[e] + moved;
      square[e] += o.square[e] + apart * (2 * o.sum[e] + moved);
    }
    count += o.count;
  }
  /// Merges what the lanes `apart` above hold; the whole warp calls it.
  __device__ __forceinline__ void merge_lanes(int apart) {
    constexpr unsigned kAll = 0xffffffffu;
    ShiftedSums o;
#pragma unroll
    for (int e = 0; e < V; e++) {
      o.shift[e] = __shfl_down_sync(kAll, shift[e], apart);
      o.sum[e] = __shfl_down_sync(kAll, sum[e], apart);
      o.square[e] = __shfl_down_sync(kAll, square[e], apart);
    }
    o.count = __shfl_down_sync(kAll, count, apart);
    merge(o);
  }

  /// Three rows, `pitch` floats apart; the count stands elsewhere.
  __device__ __forceinline__ void write(float* to, std::int64_t pitch) const {
    write_row(to, shift), write_row(to + pitch, sum), write_row(to + 2 * pitch, square);
  }
  __device__ __forceinline__ static ShiftedSums read(const float* from, int pitch, float count) {
    ShiftedSums s;
    read_row(from, s.shift), read_row(from + pitch, s.sum), read_row(from + 2 * pitch, s.square);
    s.count = count;
    return s;
  }

 private:
  static constexpr int W = V < 4 ? V : 4;
  __device__ __forceinline__ static void read_row(const float* from, float (&v)[V]) {
#pragma unroll
    for (int e = 0; e < V; e += W) {
      const Vector<float, W> part = load_vector<float, W>(from + e);
#pragma unroll
      for (int k = 0; k < W; k++) v[e + k] = part.v[k];
    }
  }
  __device__ __forceinline__ static void write_row(float* to, const float (&v)[V]) {
#pragma unroll
    for (int e = 0; e < V; e += W) {
      Vector<float, W> part;
#pragma unroll
      for (int k = 0; k < W; k++) part.v[k] = v[e + k];
      store_vector(to + e, part);
    }
  }
};

/// sums (slots,3,channels), counts (slots).
struct MomentSlots {
  float *sums = nullptr, *counts = nullptr;  // null: nobody asks for statistics
  int channels = 0;

  /// To channels c, c + 1, ... of a slot.
  template <int V>
  __device__ __forceinline__ void store(int slot, int c, const ShiftedSums<V>& s) const {
    s.write(sums + std::int64_t{slot} * 3 * channels + c, channels);
    if (c == 0) counts[slot] = s.count;
  }
};

/// The slots of a tensor whose images are `tiles` tiles each, `per_slot` of which, counted through all images, share
/// one unless an image ends between them: tile t (of all) of image n goes to slot t / per_slot + n.
class MomentsInStore {
 public:
  MomentsInStore(const Epilogue& e, std::int64_t images, std::int64_t tiles, int per_slot, std::int64_t channels,
                 Context& ctx);
  MomentSlots slots() const;
  /// e.mean and e.var [images, channels] of images of so many pixels; nothing where e wants none.
  void merge(std::int64_t pixels, Context& ctx) const;

 private:
  std::int64_t count() const { return images_ * tiles_ / per_slot_ + images_; }
  const Epilogue& epilogue_;
  std::int64_t images_, tiles_, channels_;
  int per_slot_;
  std::optional<Scratch> memory_;
};

}  // namespace sumi::cuda
