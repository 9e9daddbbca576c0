// What the kernels for pictures (up to 4 channels) share: a tile's part of the picture in shared memory.
//
// A tile is 8 rows of pixels. Their windows overlap: 9 x 9 windows of 8 x 32 pixels read 16 x 40 pixels, each 40 times.
// So these are brought to shared memory once, mapped and padded, and the columns of the unrolled image are never
// written out.
#pragma once
#include "kernels/conv2d/image_product.h"
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/tensor_cores.h"
#include "kernels/gemm/tile_mma.h"

namespace sumi::cuda {

inline constexpr int kThinThreads = 128, kThinWarps = kThinThreads / 32, kThinRows = 8, kMostThin = 4;

/// Elements in 4 bytes.
template <class T>
inline constexpr int kUnit = static_cast<int>(4 / sizeof(T));

/// Where a tile begins.
struct ThinTile {
  int n, p, q;
};

/// A picture, the windows on it, and the tiles of windows.
template <class T>
struct ThinPart {
  Image<T> image;
  int stride_h, stride_w, top, left;
  int end_h, end_w;  // of the image's positions that any window reads
  int P, Q, across, tiles_h, tiles_w, tiles;
  int rows, columns;  // of the picture under a tile

  __device__ ThinTile tile(int i) const {
    const int line = i / tiles_w, n = line / tiles_h;
    return {n, (line - n * tiles_h) * kThinRows, (i - line * tiles_w) * across};
  }
  /// Calls put(row, column, channel, value) for the tile's part, and once behind each row with a zero; not for those
  /// of the first `done_rows` rows, a multiple of the warps, that are among the first `done` elements, a multiple of
  /// 32. A thread keeps to one element of the rows and has four rows' loads under way.
  template <class Put>
  __device__ __forceinline__ void load(const ThinTile& t, Put put, int done = 0, int done_rows = 0) const {
    constexpr int kBatch = 4;
    const int C = image.C, lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
    const int h0 = t.p * stride_h - top, w0 = t.q * stride_w - left, reciprocal = 65536 / C + 1;
    for (int e = lane + (rows > done_rows ? 0 : done); e <= columns * C; e += 32) {
      const int column = e * reciprocal >> 16, w = w0 + column, c = e - column * C;  // e / C: e < 2^15, C <= 4
      const bool reached = column < columns && w < end_w;
      for (int first = warp + (e < done ? done_rows : 0); first < rows; first += kBatch * kThinWarps) {
        T v[kBatch];
#pragma unroll
        for (int i = 0; i < kBatch; i++) {
          const int row = first + i * kThinWarps, h = h0 + row;
          v[i] = reached && row < rows && h < end_h ? image.load_one(t.n, h, w, c) : from_float<T>(0.f);
        }
#pragma unroll
        for (int i = 0; i < kBatch; i++)
          if (first + i * kThinWarps < rows) put(first + i * kThinWarps, column, c, v[i]);
      }
    }
  }
};

/// A filter as a convolution reads it; the transpose of one with stride 1 has another layout, and its taps backwards.
template <class T>
struct ThinFilter {
  const T* first;
  std::int64_t per_channel, per_tap, per_input;
  int C, reciprocal;

  /// Of output channel n, input channel c at tap r S + s.
  __device__ const T* at(int n, int tap, int c) const {
    return first + n * per_channel + tap * per_tap + c * per_input;
  }
  /// Element k = (r S + s) C + c of its window; C <= 4.
  __device__ const T* at(int n, int k) const {
    const int tap = k * reciprocal >> 16, c = k - tap * C;  // k / C: k < 2^14
    return first + n * per_channel + tap * per_tap + c * per_input;
  }
};

template <class T>
ThinFilter<T> thin_filter(const TapConv& t) {
  const std::int64_t taps = t.h.filter * t.w.filter;
  const auto C = static_cast<int>(t.C), reciprocal = 65536 / C + 1;
  if (t.transposed) return {t.filter.as<T>() + (taps - 1) * t.K, 1, -t.K, taps * t.K, C, reciprocal};
  return {t.filter.as<T>(), taps * t.C, t.C, 1, C, reciprocal};
}

/// How far before the image the first window of a convolution, or of the transpose of one with stride 1, begins.
inline int first_position(const Axis& a) { return static_cast<int>(a.before - a.phases[0].taps[0].offset); }

/// Of such a convolution, in tiles of 8 x `across` windows.
template <class T>
ThinPart<T> thin_part(const TapConv& t, int across) {
  const auto narrow = [](std::int64_t v) { return static_cast<int>(v); };
  ThinPart<T> p{.image = image_of<T>(t),
                .stride_h = narrow(t.h.in_step),
                .stride_w = narrow(t.w.in_step),
                .top = first_position(t.h),
                .left = first_position(t.w),
                .end_h = narrow(t.h.extent - t.h.before),
                .end_w = narrow(t.w.extent - t.w.before),
                .P = narrow(t.h.out),
                .Q = narrow(t.w.out),
                .across = across};
  p.tiles_h = (p.P + kThinRows - 1) / kThinRows, p.tiles_w = (p.Q + across - 1) / across;
  p.tiles = narrow(t.N * p.tiles_h * p.tiles_w);
  p.rows = (kThinRows - 1) * p.stride_h + narrow(t.h.filter),
  p.columns = (across - 1) * p.stride_w + narrow(t.w.filter);
  return p;
}

/// f32 that is not rounded takes ordinary cores.
inline bool has_products(DType t, bool tf32, const DeviceInfo& device) {
  return (t == DType::f32 && !tf32) || tensor_cores_take(t, device);
}

/// What the index arithmetic of these kernels takes.
inline bool is_thin(const Conv2dDims& d, std::int64_t channels) {
  return d.groups == 1 && channels <= kMostThin && d.unit_dilation() && std::max(d.stride_h, d.stride_w) <= 4 &&
         std::max(d.R, d.S) <= 64 && std::max(d.K, d.C) <= 65535 * 32 && indices_fit(d);
}

/// Channel k < f.N of a pixel.
template <class T>
__device__ __forceinline__ void store_thin(const Finish<T>& f, float v, std::int64_t pixel, int k) {
  const std::int64_t at = pixel * f.N + k;
  if (f.bias) v += f.bias[k];
  if (f.residual) v += to_float(f.residual[at]);
  f.y[at] = from_float<T>(activate(f.act, v, f.a));
}

/// The unit at p as a fragment's register; f32 is rounded to tf32.
template <class T>
__device__ __forceinline__ unsigned fragment_unit(const T* p) {
  if constexpr (sizeof(T) == 4) {
    return to_tf32(*p);
  } else {
    const Vector<T, 2> pair = load_vector<T, 2>(p);
    unsigned bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
  }
}

}  // namespace sumi::cuda
