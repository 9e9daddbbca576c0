// The apply pass: every thread writes 16 bytes at a time of y and gathers what they are made of. It keeps to one
// channel vector, so that scale and shift (64 bytes for 16 of data) are loaded once, not once a pixel; and has 2 pixels
// in flight.
//
// Bytes: x, residual and y once each, also where y is enlarged or padded: what neighbouring outputs share comes from
// the caches. Floor for 1 x 256^2 x 64 bf16: 16.8 MB at 3.35 TB/s = 5.0 us. Instructions for 8 elements: 8 each of
// convert, affine, activation and convert back, and 20 for the one division that finds a pixel's row: some 60, of 270
// that a multiprocessor issues while it moves those 32 bytes. tanh and sigmoid take 400. bilinear2 applies the affine
// to four inputs an output (some 260 instructions against 170 in its time): it is bound by instructions.
#include "kernels/device/pixel_lanes.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

/// How an output pixel finds its input: itself; its row and column, padded and repeated; between four.
enum class Source : std::uint8_t { same, near, between };

struct Apply {
  PixelLanes l = {};  // of y
  PixelChunks c = {};
  int H = 1, W = 1, Q = 1, top = 0, left = 0, up = 1;
  PadMode mode = PadMode::zero;
  Map act = Map::identity;
  float a = 0;
  const float *scale = nullptr, *shift = nullptr;  // (N,C)
};

/// The function is chosen outside the loop over elements.
template <int V>
__device__ __forceinline__ void activate(Map act, float a, float (&v)[V]) {
  const auto all = [&](auto f) {
#pragma unroll
    for (int e = 0; e < V; e++) v[e] = map_value<decltype(f)::value>(v[e], a);
  };
  if (act == Map::relu)
    all(std::integral_constant<Map, Map::relu>{});
  else if (act == Map::leaky_relu)
    all(std::integral_constant<Map, Map::leaky_relu>{});
  else if (act == Map::tanh)
    all(std::integral_constant<Map, Map::tanh>{});
  else if (act == Map::sigmoid)
    all(std::integral_constant<Map, Map::sigmoid>{});
}

/// What a thread does with one vector: act(x scale + shift) + residual.
template <class T, int V>
struct Affine {
  float scale[V], shift[V];

  __device__ Affine(const Apply& p, const PixelPlace& at) {
    const std::int64_t image = at.n * p.l.C;
    ChannelWalk walk(p.l.C, 1, at.lane);
#pragma unroll
    for (int e = 0; e < V; e++, walk.next()) {
      scale[e] = p.scale ? p.scale[image + walk.channel] : 1;
      shift[e] = p.shift ? p.shift[image + walk.channel] : 0;
    }
  }
  __device__ __forceinline__ void apply(const Apply& p, const Vector<T, V>& x, const T* residual, float (&v)[V]) const {
#pragma unroll
    for (int e = 0; e < V; e++) v[e] = to_float(x.v[e]) * scale[e] + shift[e];
    activate(p.act, p.a, v);
    if (!residual) return;
    const Vector<T, V> r = load_vector<T, V>(residual);
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

/// Where in the enlarged image pixel i of y lies: row and column, negative for a zero.
struct Place {
  int h, w;
  __device__ Place(const Apply& p, std::int64_t i) {
    const unsigned row = static_cast<unsigned>(i) / static_cast<unsigned>(p.Q);
    const auto column = static_cast<int>(static_cast<unsigned>(i) - row * static_cast<unsigned>(p.Q));
    h = static_cast<int>(padded_index(static_cast<int>(row) - p.top, std::int64_t{p.up} * p.H, p.mode));
    w = static_cast<int>(padded_index(column - p.left, std::int64_t{p.up} * p.W, p.mode));
  }
};

template <Source kSource>
__device__ __forceinline__ std::int64_t source_of(const Apply& p, std::int64_t i) {
  if constexpr (kSource == Source::same) return i;
  const Place at(p, i);
  if (at.h < 0 || at.w < 0) return -1;
  return p.up == 2 ? std::int64_t{at.h / 2} * p.W + at.w / 2 : std::int64_t{at.h} * p.W + at.w;
}

template <class T, int V, Source kSource>
__global__ void __launch_bounds__(kPixelThreads, 3)
    apply_pixels(const T* __restrict__ x, const T* __restrict__ residual, T* __restrict__ y, Apply p) {
  constexpr int kBatch = 2;
  const PixelPlace at(p.l, p.c);
  if (!at.active) return;
  const Affine<T, V> affine(p, at);
  const std::int64_t image = at.n * p.l.pixels, small = kSource == Source::same ? image : at.n * p.H * p.W;
  const auto element = [&](std::int64_t pixel) { return (small + pixel) * p.l.period + at.lane; };
  for (std::int64_t i0 = at.first + at.row; i0 < at.last; i0 += kBatch * p.l.down()) {
    std::int64_t from[kBatch];
    Vector<T, V> v[kBatch];
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const std::int64_t i = i0 + k * p.l.down();
      from[k] = i < at.last ? source_of<kSource>(p, i) : -1;
      if (from[k] >= 0) v[k] = load_vector<T, V>(x + element(from[k]));
    }
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const std::int64_t i = i0 + k * p.l.down();
      if (i >= at.last) break;
      float out[V] = {};
      if (from[k] >= 0) affine.apply(p, v[k], residual ? residual + element(from[k]) : nullptr, out);
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

template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 2)
    apply_between(const T* __restrict__ x, const T* __restrict__ residual, T* __restrict__ y, Apply p) {
  const PixelPlace at(p.l, p.c);
  if (!at.active) return;
  const Affine<T, V> affine(p, at);
  const std::int64_t image = at.n * p.l.pixels, small = at.n * p.H * p.W;
  for (std::int64_t i = at.first + at.row; i < at.last; i += p.l.down()) {
    float out[V] = {};
    if (const Place place(p, i); place.h >= 0 && place.w >= 0) {
      const Between rows(place.h, p.H), columns(place.w, p.W);
      std::int64_t from[4];
      Vector<T, V> v[4];
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const int h = k < 2 ? rows.near : rows.other, w = k % 2 ? columns.other : columns.near;
        from[k] = (small + std::int64_t{h} * p.W + w) * p.l.period + at.lane;
        v[k] = load_vector<T, V>(x + from[k]);
      }
#pragma unroll
      for (int k = 0; k < 4; k++) {
        float value[V];
        affine.apply(p, v[k], residual ? residual + from[k] : nullptr, value);
        const float weight = (k < 2 ? 0.75f : 0.25f) * (k % 2 ? 0.25f : 0.75f);
#pragma unroll
        for (int e = 0; e < V; e++) out[e] += weight * value[e];
      }
    }
    store_floats(y + (image + i) * p.l.period + at.lane, out);
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
    p.l = pixel_lanes(y.N, y.H * y.W, y.C, vectors ? kVector<T> : 1);
    p.c = pixel_chunks(p.l);
    visit_lanes<T>(p.l, [&](auto v) { run<T, decltype(v)::value>(a, p, source, ctx); });
  });
}

}  // namespace sumi::cuda
