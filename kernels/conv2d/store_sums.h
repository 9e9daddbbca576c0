// Statistics of what a kernel stores, summed while it stores: each block's sums go to slots of their own, and one
// kernel merges an image's slots. By shape alone: the same bits whatever the order of blocks.
#pragma once
#include <optional>
#include <vector>

#include "kernels/conv2d/conv2d.h"
#include "kernels/device/elements.h"

namespace sumi::cuda {

/// Sums of values minus the first of them, for V channels: at mean 1e4 a deviation of 1e-2 keeps its digits.
template <int V>
struct ShiftedSums {
  float shift[V] = {}, sum[V] = {}, square[V] = {}, count = 0;

  __device__ __forceinline__ void add(const float (&v)[V]) {
#pragma unroll
    for (int e = 0; e < V; e++) shift[e] = count > 0 ? shift[e] : v[e];
    add_apart(v);
    count++;
  }
  /// Where the shift stands already and the count is known without counting.
  __device__ __forceinline__ void add_apart(const float (&v)[V]) {
#pragma unroll
    for (int e = 0; e < V; e++) {
      const float apart = v[e] - shift[e];
      sum[e] += apart;
      square[e] = fmaf(apart, apart, square[e]);
    }
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

/// sums (slots,3,pitch), counts (slots).
struct MomentSlots {
  float *sums = nullptr, *counts = nullptr;  // null: nobody asks for statistics
  int pitch = 0;                             // channels, made even
  int per_product = 0;                       // slots

  /// To channels c, c + 1, ... of a slot; V channels begin at a multiple of V, up to 2.
  template <int V>
  __device__ __forceinline__ void store(int slot, int c, const ShiftedSums<V>& s) const {
    static_assert(V <= 2);
    s.write(sums + std::int64_t{slot} * 3 * pitch + c, pitch);
    if (c == 0) counts[slot] = s.count;
  }
};

/// Which slots an image has. Products that share its pixels (the phases of a transposed convolution; else one) cut it
/// into tiles[product] tiles each, per_slot of which, counted through all images, share a slot unless an image ends
/// between them: tile t (of all) of image n goes to slot product * per_product + t / per_slot + n.
struct SlotPlan {
  static constexpr int kMostProducts = 16;
  int products = 0, per_slot = 1, per_product = 0;
  int tiles[kMostProducts] = {};
};

class MomentsInStore {
 public:
  MomentsInStore(const Epilogue& e, std::int64_t images, const std::vector<std::int64_t>& tiles, int per_slot,
                 std::int64_t channels, Context& ctx);
  MomentSlots slots() const;
  /// e.mean and e.var [images, channels] of images of so many pixels; nothing where e wants none.
  void merge(std::int64_t pixels, Context& ctx) const;

 private:
  std::int64_t count() const { return std::int64_t{plan_.products} * plan_.per_product; }
  std::int64_t pitch() const { return (channels_ + 1) / 2 * 2; }
  SlotPlan plan_;
  TensorRef mean_, var_;
  std::int64_t images_, channels_;
  std::optional<Scratch> memory_;
};

}  // namespace sumi::cuda
