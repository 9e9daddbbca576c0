// Images as operands of a matrix product, never written out: im2col at load. In chunks of 16 bytes along the channels;
// where a pixel's channels are no whole chunks, element by element. No division in the loop over k: positions advance
// like the wheels of an odometer.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/operand.h"

namespace sumi::cuda {

/// The taps of one axis of one phase: tap t of output i reads position i * in_step + offset + t * offset_step and the
/// filter at index + t * index_step; the output stands at first + i * out_step.
struct AxisTaps {
  int first = 0, count = 0, taps = 0, offset = 0, offset_step = 0, index = 0, index_step = 0;
};

/// Applied to what is loaded: act(x * scale[n,c] + shift[n,c]) with act identity, relu or leaky_relu.
struct LoadMap {
  const float *scale = nullptr, *shift = nullptr;
  Map act = Map::identity;
  float a = 0;
  __device__ float operator()(float x, std::int64_t image_channel) const {
    return scale ? apply(x, scale[image_channel], shift[image_channel]) : x;
  }
  __device__ float apply(float x, float factor, float offset) const {
    const float v = fmaf(x, factor, offset);
    return act == Map::identity || !(v < 0) ? v : act == Map::relu ? 0.f : a * v;
  }
};

/// What a LoadMap applies to V channels from `first` (an image's n C + c, whole chunks of V) on; zeros without one.
template <int V>
struct ChannelParameters {
  float scale[V] = {}, shift[V] = {};

  __device__ __forceinline__ ChannelParameters(const LoadMap& map, std::int64_t first) {
    constexpr int kPart = V < 4 ? V : 4;
    if (!map.scale) return;
#pragma unroll
    for (int i = 0; i < V; i += kPart) {
      const auto a = load_vector<float, kPart>(map.scale + first + i);
      const auto b = load_vector<float, kPart>(map.shift + first + i);
#pragma unroll
      for (int e = 0; e < kPart; e++) scale[i + e] = a.v[e], shift[i + e] = b.v[e];
    }
  }
};

/// A batch of images and what lies outside them.
template <class T>
struct Image {
  const T* x;
  int H, W, C;
  PadMode mode;
  bool aligned;  // C is whole chunks
  LoadMap map;

  /// Where channel c of pixel (h, w) of image n stands; false: nowhere, it is a padding zero.
  __device__ __forceinline__ bool locate(int n, int h, int w, int c, const T*& at) const {
    const bool inside = h >= 0 && h < H && w >= 0 && w < W;
    at = x;
    if (!inside) {
      if (mode == PadMode::zero) return false;
      h = static_cast<int>(padded_index(h, H, mode)), w = static_cast<int>(padded_index(w, W, mode));
    }
    at = x + std::int64_t{n} * (H * W * C) + ((h * W + w) * C + c);
    return true;
  }
  /// The chunk there, mapped.
  __device__ __forceinline__ Vector<T> load(int n, int h, int w, int c) const {
    const T* at;
    Vector<T> v = {};
    if (!locate(n, h, w, c, at)) return v;
    v = load_vector(at);
    if (map.scale) {
#pragma unroll
      for (int i = 0; i < kVector<T>; i++) v.v[i] = from_float<T>(map(to_float(v.v[i]), std::int64_t{n} * C + c + i));
    }
    return v;
  }
  /// Maps whole chunks that have been loaded, channels c, c + 1, ... of images n[], where located(i, at) says that
  /// there is one. The parameters are read for all before the first is used.
  template <int Chunks, class Located>
  __device__ __forceinline__ void map_chunks(Raw<T> (&held)[Chunks], const int (&n)[Chunks], int c,
                                             Located located) const {
    if (!map.scale || !aligned) return;
    constexpr int V = kVector<T>;
    Vector<float> scale[Chunks][V / 4], shift[Chunks][V / 4];
#pragma unroll
    for (int i = 0; i < Chunks; i++) {
      const std::int64_t first = std::int64_t{n[i] < 0 ? 0 : n[i]} * C + c;
#pragma unroll
      for (int k = 0; k < V / 4; k++) {
        scale[i][k] = load_vector(map.scale + first + k * 4);
        shift[i][k] = load_vector(map.shift + first + k * 4);
      }
    }
#pragma unroll
    for (int i = 0; i < Chunks; i++) {
      const T* at;
      if (!located(i, at)) continue;
      Vector<T> v = unpack<T>(held[i]);
#pragma unroll
      for (int e = 0; e < V; e++)
        v.v[e] = from_float<T>(map.apply(to_float(v.v[e]), scale[i][e / 4].v[e % 4], shift[i][e / 4].v[e % 4]));
      held[i] = pack(v);
    }
  }
  __device__ __forceinline__ T load_one(int n, int h, int w, int c) const {
    const T* at;
    if (!locate(n, h, w, c, at)) return from_float<T>(0.f);
    return map.scale ? from_float<T>(map(to_float(*at), std::int64_t{n} * C + c)) : *at;
  }
};

/// Column k of the unrolled filter: channel c of tap (r, s); c turns fastest.
struct FilterPlace {
  int c, s, r;
  __device__ FilterPlace(int k, int channels, int taps_w) {
    const int tap = k / channels;
    c = k - tap * channels, r = taps_w > 0 ? tap / taps_w : 0, s = tap - r * taps_w;
  }
  /// `taps` whole taps and `c_step` < channels further.
  __device__ void advance(int c_step, int s_step, int r_step, int channels, int taps_w) {
    c += c_step;
    if (c >= channels) c -= channels, s++;
    s += s_step, r += r_step;
    if (s >= taps_w) s -= taps_w, r++;
  }
};

/// Left operand of a convolution: row m is output pixel m of a phase, column k a channel of a tap.
template <class T>
struct ImageRows {
  static constexpr Run run = Run::along_k;
  Image<T> image;
  AxisTaps h, w;
  int step_h, step_w, rows;

  template <class C>
  struct Cursor {
    const ImageRows& o;
    int n[C::slots], h0[C::slots], w0[C::slots];  // n < 0: no such row
    FilterPlace at;
    int k, k_end, c_step, s_step, r_step;

    __device__ Cursor(const ImageRows& rows, int row, int first_k, int end)
        : o(rows), at(first_k + C::place(), rows.image.C, rows.w.taps), k(first_k + C::place()), k_end(end) {
      const int taps = C::K / o.image.C;
      c_step = C::K - taps * o.image.C;
      r_step = o.w.taps > 0 ? taps / o.w.taps : 0, s_step = taps - r_step * o.w.taps;
#pragma unroll
      for (int i = 0; i < C::slots; i++) {
        const int m = row + C::line(i), line = m / o.w.count;
        n[i] = m < o.rows ? line / o.h.count : -1;
        h0[i] = line % o.h.count * o.step_h + o.h.offset;
        w0[i] = (m - line * o.w.count) * o.step_w + o.w.offset;
      }
    }
    __device__ bool chunk(int i, const T*& from) const {
      from = o.image.x;
      if (n[i] < 0 || k >= k_end) return false;
      return o.image.locate(n[i], h0[i] + at.r * o.h.offset_step, w0[i] + at.s * o.w.offset_step, at.c, from);
    }
    __device__ Raw<T> gather(int i) const {
      if (o.image.aligned) {
        const T* from;
        const bool there = chunk(i, from);
        return load_chunk(from, there);
      }
      Vector<T> v = {};
      if (n[i] < 0 || k >= k_end) return pack(v);
      FilterPlace p = at;
#pragma unroll
      for (int e = 0; e < C::V; e++) {
        if (k + e < k_end)
          v.v[e] = o.image.load_one(n[i], h0[i] + p.r * o.h.offset_step, w0[i] + p.s * o.w.offset_step, p.c);
        p.advance(1, 0, 0, o.image.C, o.w.taps);
      }
      return pack(v);
    }
    __device__ void map(Raw<T> (&held)[C::slots]) const {
      o.image.map_chunks(held, n, at.c, [&](int i, const T*& from) { return chunk(i, from); });
    }
    __device__ void advance() {
      k += C::K;
      at.advance(c_step, s_step, r_step, o.image.C, o.w.taps);
    }
  };
};

/// Right operand of a transposed convolution: row n is an output channel, column k an input channel of a tap of the
/// phase. The filter stands [input channel][R][S][output channel].
template <class T>
struct FilterRows {
  static constexpr Run run = Run::across_k;
  const T* filter;
  int R, S, channels, rows;  // input, output channels
  bool aligned;              // rows are whole chunks
  AxisTaps h, w;

  template <class C>
  struct Cursor {
    const FilterRows& o;
    FilterPlace at;  // of the first slot
    int k, k_end, place, c_step, s_step, r_step;

    __device__ Cursor(const FilterRows& f, int row, int first_k, int end)
        : o(f),
          at(first_k + C::line(0), f.channels, f.w.taps),
          k(first_k + C::line(0)),
          k_end(end),
          place(row + C::place()) {
      const int taps = C::K / o.channels;
      c_step = C::K - taps * o.channels;
      r_step = o.w.taps > 0 ? taps / o.w.taps : 0, s_step = taps - r_step * o.w.taps;
    }
    __device__ int valid(int i) const {
      const int left = o.rows - place;
      return k + i * C::lines_apart >= k_end || left < 0 ? 0 : left < C::V ? left : C::V;
    }
    __device__ const T* at_slot(int i) const {
      FilterPlace p = at;
      for (int c = i * C::lines_apart; c > 0;) {  // once or twice: a slot is at most a tap or two further
        const int step = c < o.channels ? c : o.channels;
        p.advance(step == o.channels ? 0 : step, step == o.channels ? 1 : 0, 0, o.channels, o.w.taps);
        c -= step;
      }
      const int r = o.h.index + p.r * o.h.index_step, s = o.w.index + p.s * o.w.index_step;
      return o.filter + ((std::int64_t{p.c} * o.R + r) * o.S + s) * o.rows + place;
    }
    __device__ bool chunk(int i, const T*& from) const {
      const bool there = valid(i) > 0;
      from = there ? at_slot(i) : o.filter;
      return there;
    }
    __device__ Raw<T> gather(int i) const {
      const int n = valid(i);
      const T* from = n > 0 ? at_slot(i) : o.filter;
      return o.aligned ? load_chunk(from, n > 0) : pack(load_run(from, n, false));
    }
    __device__ void map(Raw<T> (&)[C::slots]) const {}
    __device__ void advance() {
      k += C::K;
      at.advance(c_step, s_step, r_step, o.channels, o.w.taps);
    }
  };
};

/// Right operand of a weight gradient: row n is a channel of a tap, column k an output pixel of the convolution.
template <class T>
struct ImageColumns {
  static constexpr Run run = Run::across_k;
  Image<T> image;
  AxisTaps h, w;
  int step_h, step_w, rows;

  template <class C>
  struct Cursor {
    const ImageColumns& o;
    FilterPlace at;
    int n[C::slots], p[C::slots], q[C::slots];  // the pixel of each slot
    int k, k_end, place, n_step, p_step, q_step;

    __device__ Cursor(const ImageColumns& c, int row, int first_k, int end)
        : o(c),
          at(row + C::place(), c.image.C, c.w.taps),
          k(first_k + C::line(0)),
          k_end(end),
          place(row + C::place()) {
      const int lines = C::K / o.w.count;
      q_step = C::K - lines * o.w.count, n_step = lines / o.h.count, p_step = lines - n_step * o.h.count;
#pragma unroll
      for (int i = 0; i < C::slots; i++) {
        const int pixel = first_k + C::line(i), line = pixel / o.w.count;
        q[i] = pixel - line * o.w.count, n[i] = line / o.h.count, p[i] = line - n[i] * o.h.count;
      }
    }
    __device__ bool there(int i) const { return k + i * C::lines_apart < k_end && place < o.rows; }
    __device__ int row(int i, int r) const { return p[i] * o.step_h + o.h.offset + r * o.h.offset_step; }
    __device__ int column(int i, int s) const { return q[i] * o.step_w + o.w.offset + s * o.w.offset_step; }
    __device__ bool chunk(int i, const T*& from) const {
      from = o.image.x;
      return there(i) && o.image.locate(n[i], row(i, at.r), column(i, at.s), at.c, from);
    }
    __device__ Raw<T> gather(int i) const {
      if (o.image.aligned) {
        const T* from;
        const bool there = chunk(i, from);
        return load_chunk(from, there);
      }
      Vector<T> v = {};
      if (!there(i)) return pack(v);
      FilterPlace f = at;
#pragma unroll
      for (int e = 0; e < C::V; e++) {
        if (place + e < o.rows) v.v[e] = o.image.load_one(n[i], row(i, f.r), column(i, f.s), f.c);
        f.advance(1, 0, 0, o.image.C, o.w.taps);
      }
      return pack(v);
    }
    __device__ void map(Raw<T> (&)[C::slots]) const {}  // a weight gradient has no prologue
    __device__ void advance() {
      k += C::K;
#pragma unroll
      for (int i = 0; i < C::slots; i++) {
        q[i] += q_step;
        if (q[i] >= o.w.count) q[i] -= o.w.count, p[i]++;
        p[i] += p_step;
        if (p[i] >= o.h.count) p[i] -= o.h.count, n[i]++;
        n[i] += n_step;
      }
    }
  };
};

}  // namespace sumi::cuda
