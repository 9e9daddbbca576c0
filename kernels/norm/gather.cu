// The apply pass: every thread writes 16 bytes at a time of y and gathers what they are made of. It keeps to one
// channel vector, so that scale and shift (64 bytes for 16 of data) are loaded once, not once a pixel; and has 2 pixels
// in flight, each with its residual.
//
// Bytes: x, residual and y once each, also where y is enlarged or padded: what neighbouring outputs share comes from
// the caches. Floor for 1 x 256^2 x 64 bf16: 16.8 MB at 3.35 TB/s = 5.0 us. Instructions for 8 elements: 8 each of
// convert, affine, activation and convert back, and 20 for the one division that finds a pixel's row: some 60, of 270
// that a multiprocessor issues while it moves those 32 bytes. tanh and sigmoid take 400. bilinear2 writes 4 pixels for
// 4 it reads, so that each affine is computed once: 110 instructions an output instead of 260, of 170 in the time of
// its 20 bytes.
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/raw.h"
#include "kernels/map/activations.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

/// How an output pixel finds its input: itself; its row and column, padded and repeated; between four.
enum class Source : std::uint8_t { same, near, between };

struct Apply {
  PixelLanes l = {};  // of y, or its patches of 2 x 2
  PixelChunks c = {};
  int H = 1, W = 1, P = 1, Q = 1, top = 0, left = 0, up = 1;
  int patches = 1;  // in a row
  PadMode mode = PadMode::zero;
  Map act = Map::identity;
  float a = 0;
  const float *scale = nullptr, *shift = nullptr;  // (N,C)
};

/// What is loaded of a pixel: all of it before the first of it is used. `residual` may be null, and r is not set then.
template <class T, int V>
struct Loaded {
  Raw<T, V> x, r;
  __device__ __forceinline__ void load(const T* from, const T* residual, std::int64_t i) {
    x = load_raw<T, V>(from + i);
    if (residual) r = load_raw<T, V>(residual + i);
  }
};

/// What a thread does with one vector: act(x scale + shift) + residual.
template <class T, int V>
struct Affine {
  float scale[V], shift[V];

  __device__ Affine(const Apply& p, const PixelPlace& at) {
#pragma unroll
    for (int e = 0; e < V; e++) scale[e] = 1, shift[e] = 0;
    if (!p.scale) return;
    load_channels(p.l, at.lane, p.scale + at.n * p.l.C, scale);
    load_channels(p.l, at.lane, p.shift + at.n * p.l.C, shift);
  }
  __device__ __forceinline__ void apply(const Apply& p, const Loaded<T, V>& in, bool residual, float (&v)[V]) const {
    const Vector<T, V> x = unpack<T, V>(in.x);
#pragma unroll
    for (int e = 0; e < V; e++) v[e] = to_float(x.v[e]) * scale[e] + shift[e];
    activate(p.act, p.a, v);
    if (!residual) return;
    const Vector<T, V> r = unpack<T, V>(in.r);
#pragma unroll
    for (int e = 0; e < V; e++) v[e] += to_float(r.v[e]);
  }
};

template <class T, int V>
__device__ __forceinline__ void store_floats(T* y, const float (&v)[V]) {
  Vector<T, V> out;
#pragma unroll
  for (int e = 0; e < V; e++) out.v[e] = from_float<T>(v[e]);
  store_vector(y, out);
}

/// Where in the enlarged image a pixel of y lies: row and column, negative for a zero.
struct Place {
  int h, w;
  __device__ Place(const Apply& p, int row, int column)
      : h(static_cast<int>(padded_index(row - p.top, std::int64_t{p.up} * p.H, p.mode))),
        w(static_cast<int>(padded_index(column - p.left, std::int64_t{p.up} * p.W, p.mode))) {}
};

template <Source kSource>
__device__ __forceinline__ std::int64_t source_of(const Apply& p, std::int64_t i) {
  if constexpr (kSource == Source::same) return i;
  const RowColumn pixel(i, p.Q);
  const Place at(p, pixel.row, pixel.column);
  if (at.h < 0 || at.w < 0) return -1;
  return p.up == 2 ? std::int64_t{at.h / 2} * p.W + at.w / 2 : std::int64_t{at.h} * p.W + at.w;
}

template <class T, int V, Source kSource>
__global__ void __launch_bounds__(kPixelThreads, 3)
    apply_pixels(const T* __restrict__ x, const T* __restrict__ residual, T* __restrict__ y, Apply p) {
  constexpr int kBatch = 2;
  const PixelPlace at(p.l, p.c);
  if (!at.active || at.first + at.row >= at.last) return;
  const Affine<T, V> affine(p, at);
  const std::int64_t image = at.n * p.l.pixels, small = kSource == Source::same ? image : at.n * p.H * p.W;
  const auto element = [&](std::int64_t pixel) { return (small + pixel) * p.l.period + at.lane; };
  for (std::int64_t i0 = at.first + at.row; i0 < at.last; i0 += kBatch * p.l.down()) {
    std::int64_t from[kBatch];
    Loaded<T, V> v[kBatch];
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const std::int64_t i = i0 + k * p.l.down();
      from[k] = i < at.last ? source_of<kSource>(p, i) : -1;
      if (from[k] >= 0) v[k].load(x, residual, element(from[k]));
    }
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const std::int64_t i = i0 + k * p.l.down();
      if (i >= at.last) break;
      float out[V] = {};
      if (from[k] >= 0) affine.apply(p, v[k], residual, out);
      store_floats(y + (image + i) * p.l.period + at.lane, out);
    }
  }
}

/// Rows (or columns) that row i of the image enlarged by 2 lies between: 3/4 of `near`, 1/4 of `other`; at the edge
/// both are the same.
struct Between {
  int near, other;
  __device__ Between(int i, int n) : near(i / 2), other(i % 2 ? i / 2 + 1 : i / 2 - 1) {
    if (other < 0 || other >= n) other = near;
  }
};

/// act(x scale + shift) + residual of four pixels, two of row h0 and two of row h1.
template <class T, int V>
struct Corners {
  float v[4][V];
  __device__ __forceinline__ Corners(const Apply& p, const Affine<T, V>& affine, const T* x, const T* residual,
                                     std::int64_t image, int h0, int h1, int w0, int w1) {
    Loaded<T, V> in[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
      in[k].load(x, residual, image + (std::int64_t{k < 2 ? h0 : h1} * p.W + (k % 2 ? w1 : w0)) * p.l.C);
#pragma unroll
    for (int k = 0; k < 4; k++) affine.apply(p, in[k], residual, v[k]);
  }
  /// The mix of weights (1 - low, low) of rows and columns.
  __device__ __forceinline__ void mix(float rows, float columns, float (&out)[V]) const {
#pragma unroll
    for (int e = 0; e < V; e++) {
      const float left = v[0][e] * (1 - rows) + v[2][e] * rows, right = v[1][e] * (1 - rows) + v[3][e] * rows;
      out[e] = left * (1 - columns) + right * columns;
    }
  }
};

/// A thread writes the 2 x 2 pixels that lie between the same four of x: rows 2 h + 1 and 2 h + 2 of the enlarged
/// image, columns likewise. At the edges, and in the padding, every pixel looks for its own four.
template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 2)
    apply_between(const T* __restrict__ x, const T* __restrict__ residual, T* __restrict__ y, Apply p) {
  const PixelPlace at(p.l, p.c);
  if (!at.active || at.first + at.row >= at.last) return;
  const Affine<T, V> affine(p, at);
  const std::int64_t small = at.n * p.H * p.W * p.l.C + at.lane, large = at.n * p.P * p.Q * p.l.C + at.lane;
  const auto store = [&](int row, int column, const float(&out)[V]) {
    store_floats(y + large + (std::int64_t{row} * p.Q + column) * p.l.C, out);
  };
  for (std::int64_t i = at.first + at.row; i < at.last; i += p.l.down()) {
    const RowColumn patch(i, p.patches);
    const int row = 2 * patch.row - (p.top + 1) % 2, column = 2 * patch.column - (p.left + 1) % 2;
    const int u = row - p.top, v = column - p.left;  // odd
    float out[V];
    if (u > 0 && u + 1 < 2 * p.H && v > 0 && v + 1 < 2 * p.W) {
      const Corners<T, V> c(p, affine, x, residual, small, u / 2, u / 2 + 1, v / 2, v / 2 + 1);
#pragma unroll
      for (int k = 0; k < 4; k++) {
        c.mix(k < 2 ? 0.25f : 0.75f, k % 2 ? 0.75f : 0.25f, out);
        store(row + k / 2, column + k % 2, out);
      }
      continue;
    }
#pragma unroll 1
    for (int k = 0; k < 4; k++) {
      const int to_row = row + k / 2, to_column = column + k % 2;
      if (to_row < 0 || to_row >= p.P || to_column < 0 || to_column >= p.Q) continue;
#pragma unroll
      for (int e = 0; e < V; e++) out[e] = 0;
      if (const Place place(p, to_row, to_column); place.h >= 0 && place.w >= 0) {
        const Between rows(place.h, p.H), columns(place.w, p.W);
        Corners<T, V>(p, affine, x, residual, small, rows.near, rows.other, columns.near, columns.other)
            .mix(0.25f, 0.25f, out);
      }
      store(to_row, to_column, out);
    }
  }
}

template <class T, int V>
void run(const NormApply& a, const Apply& p, Source source, Context& ctx) {
  const Launch l{pixel_grid(p.l, p.c), kPixelThreads, 0, ctx.stream()};
  const auto go = [&](auto kernel) { launch(kernel, l, a.x.as<T>(), a.residual.as<T>(), a.y.as<T>(), p); };
  if (source == Source::same) return go(apply_pixels<T, V, Source::same>);
  if (source == Source::near) return go(apply_pixels<T, V, Source::near>);
  go(apply_between<T, V>);
}

}  // namespace

void norm_apply_gather(const NormApply& a, Context& ctx) {
  const Dims4 y = a.y_dims();
  check(y.H * y.W < std::int64_t{1} << 31, "norm_apply: an image of ", y.H, 'x', y.W, " is too large");
  const Source source = a.upsample == Upsample::bilinear2                     ? Source::between
                        : a.upsample == Upsample::nearest2 || a.pad != Pad4{} ? Source::near
                                                                              : Source::same;
  Apply p{.H = static_cast<int>(a.d.H),
          .W = static_cast<int>(a.d.W),
          .P = static_cast<int>(y.H),
          .Q = static_cast<int>(y.W),
          .top = a.pad.top,
          .left = a.pad.left,
          .up = static_cast<int>(a.up()),
          .mode = a.pad_mode,
          .act = a.act,
          .a = static_cast<float>(a.a),
          .scale = a.scale.as<float>(),
          .shift = a.shift.as<float>()};
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const bool vectors = source == Source::same || y.C % kVector<T> == 0;  // wide pixels have no neighbours
    const auto halved = [](std::int64_t n, int before) { return (n + (before + 1) % 2 + 1) / 2; };
    std::int64_t pixels = y.H * y.W;
    if (source == Source::between) {
      p.patches = static_cast<int>(halved(y.W, p.left));
      pixels = halved(y.H, p.top) * p.patches;
    }
    p.l = pixel_lanes(y.N, pixels, y.C, vectors ? kVector<T> : 1);
    p.c = pixel_chunks(p.l);
    visit_lanes<T>(p.l, [&](auto v) { run<T, decltype(v)::value>(a, p, source, ctx); });
  });
}

}  // namespace sumi::cuda
