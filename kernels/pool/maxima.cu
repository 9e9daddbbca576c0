// The gradient of max pooling as a gather, without atomics. Two rows:
//   cells      where windows do not overlap, each owns a cell of dx: the pixels up to the next window. A thread finds
//              the window's maximum and writes its whole cell. Bytes: x, dy and dx once, the floor.
//   positions  any windows: first where each maximum stands, as 2 bytes, then every thread of dx looks at the windows
//              over its pixel. Bytes: 4 more an output (it would be R S reads of x for each window over a pixel, 20 for
//              3x3 windows at stride 2, to find maxima where they are needed).
#include "kernels/device/pixel_lanes.h"
#include "kernels/pool/rows.h"
#include "kernels/pool/window.h"

namespace sumi::cuda {
namespace {

using Position = unsigned short;  // in the window's part inside the image, in row order

struct Maxima {
  PixelLanes l = {};  // of the pixels that threads write
  PixelChunks c = {};
  PoolDims d = {};
  int P = 1, Q = 1;
};

/// A window's part inside the image, rows [h0,h1) and columns [w0,w1), in 32 bits.
struct Box {
  int h0, h1, w0, w1;
  __device__ Box(const PoolDims& d, int p, int q) {
    const Window rows = window_rows(d, p), columns = window_columns(d, q);
    h0 = static_cast<int>(rows.begin), h1 = static_cast<int>(rows.end);
    w0 = static_cast<int>(columns.begin), w1 = static_cast<int>(columns.end);
  }
  __device__ int position_of(int h, int w) const { return (h - h0) * (w1 - w0) + w - w0; }
  __device__ bool holds(int h, int w) const { return h >= h0 && h < h1 && w >= w0 && w < w1; }
};

/// Each channel's first maximum in row order; a NaN is larger than everything. x stands at the image's lane.
template <class T, int V>
__device__ __forceinline__ void first_maximum(const T* x, int W, int C, const Box& box, int (&position)[V]) {
  float largest[V];
  int k = 0;
  for (int h = box.h0; h < box.h1; h++)
    for (int w = box.w0; w < box.w1; w++, k++) {
      const Vector<T, V> v = load_vector<T, V>(x + (std::int64_t{h} * W + w) * C);
#pragma unroll
      for (int e = 0; e < V; e++) {
        const float value = to_float(v.v[e]);
        const bool better = k == 0 || value > largest[e] || (value != value && largest[e] == largest[e]);
        largest[e] = better ? value : largest[e];
        position[e] = better ? k : position[e];
      }
    }
}

template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 4)
    write_cells(const T* __restrict__ x, const T* __restrict__ dy, T* __restrict__ dx, Maxima m) {
  const PixelPlace at(m.l, m.c);
  if (!at.active) return;
  const PoolDims& d = m.d;
  const std::int64_t image = at.n * d.H * d.W * d.C + at.lane;
  const int H = static_cast<int>(d.H), W = static_cast<int>(d.W);
  for (std::int64_t i = at.first + at.row; i < at.last; i += m.l.down()) {
    const RowColumn to(i, m.Q);
    const Box box(d, to.row, to.column);
    int position[V];
#pragma unroll
    for (int e = 0; e < V; e++) position[e] = -1;
    first_maximum<T, V>(x + image, W, m.l.C, box, position);
    const Vector<T, V> g = load_vector<T, V>(dy + (at.n * m.l.pixels + i) * m.l.C + at.lane);
    // The first and the last cell reach to the image's edges.
    const int h0 = to.row ? std::max(to.row * d.stride_h - d.pad.top, 0) : 0;
    const int w0 = to.column ? std::max(to.column * d.stride_w - d.pad.left, 0) : 0;
    const int h1 = to.row + 1 < m.P ? std::min((to.row + 1) * d.stride_h - d.pad.top, H) : H;
    const int w1 = to.column + 1 < m.Q ? std::min((to.column + 1) * d.stride_w - d.pad.left, W) : W;
    for (int h = h0; h < h1; h++)
      for (int w = w0; w < w1; w++) {
        const int here = box.holds(h, w) ? box.position_of(h, w) : -2;
        Vector<T, V> out;
#pragma unroll
        for (int e = 0; e < V; e++) out.v[e] = position[e] == here ? g.v[e] : from_float<T>(0);
        store_vector(dx + image + (std::int64_t{h} * W + w) * m.l.C, out);
      }
  }
}

template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 4)
    find_positions(const T* __restrict__ x, Position* __restrict__ positions, Maxima m) {
  const PixelPlace at(m.l, m.c);
  if (!at.active) return;
  const PoolDims& d = m.d;
  for (std::int64_t i = at.first + at.row; i < at.last; i += m.l.down()) {
    const RowColumn to(i, m.Q);
    int position[V];
#pragma unroll
    for (int e = 0; e < V; e++) position[e] = 0xFFFF;  // an empty window's
    first_maximum<T, V>(x + at.n * d.H * d.W * d.C + at.lane, static_cast<int>(d.W), m.l.C, Box(d, to.row, to.column),
                        position);
    Vector<Position, V> out;
#pragma unroll
    for (int e = 0; e < V; e++) out.v[e] = static_cast<Position>(position[e]);
    store_vector(positions + (at.n * m.l.pixels + i) * d.C + at.lane, out);
  }
}

/// The first of the windows that reach pixel i (padding counted).
__device__ int first_window(int i, int size, int stride) { return i < size ? 0 : (i - size) / stride + 1; }

template <class T, int V>
__global__ void __launch_bounds__(kPixelThreads, 4)
    gather(const Position* __restrict__ positions, const T* __restrict__ dy, T* __restrict__ dx, Maxima m) {
  const PixelPlace at(m.l, m.c);
  if (!at.active) return;
  const PoolDims& d = m.d;
  for (std::int64_t i = at.first + at.row; i < at.last; i += m.l.down()) {
    const RowColumn to(i, static_cast<int>(d.W));
    const int h = to.row + d.pad.top, w = to.column + d.pad.left;
    float sum[V] = {};
    for (int p = first_window(h, d.R, d.stride_h); p < m.P && p * d.stride_h <= h; p++)
      for (int q = first_window(w, d.S, d.stride_w); q < m.Q && q * d.stride_w <= w; q++) {
        const int here = Box(d, p, q).position_of(to.row, to.column);
        const std::int64_t from = ((at.n * m.P + p) * m.Q + q) * d.C + at.lane;
        const Vector<Position, V> position = load_vector<Position, V>(positions + from);
        const Vector<T, V> g = load_vector<T, V>(dy + from);
#pragma unroll
        for (int e = 0; e < V; e++) sum[e] += position.v[e] == here ? to_float(g.v[e]) : 0;
      }
    Vector<T, V> out;
#pragma unroll
    for (int e = 0; e < V; e++) out.v[e] = from_float<T>(sum[e]);
    store_vector(dx + (at.n * m.l.pixels + i) * d.C + at.lane, out);
  }
}

/// Threads over N images of `pixels` pixels.
Maxima maxima_of(const PoolDims& d, std::int64_t pixels, int vector) {
  check(pixels < std::int64_t{1} << 31, "pool_backward: an image of ", pixels, " pixels is too large");
  Maxima m{.l = pixel_lanes(d.N, pixels, d.C, d.C % vector == 0 ? vector : 1), .d = d};
  m.c = pixel_chunks(m.l, 8);
  m.P = static_cast<int>(d.P()), m.Q = static_cast<int>(d.Q());
  return m;
}

}  // namespace

void pool_backward_cells(const PoolBackward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const Maxima m = maxima_of(a.d, a.d.P() * a.d.Q(), kVector<T>);
    visit_lanes<T>(m.l, [&](auto v) {
      launch(write_cells<T, decltype(v)::value>, {pixel_grid(m.l, m.c), kPixelThreads, 0, ctx.stream()}, a.x.as<T>(),
             a.dy.as<T>(), a.dx.as<T>(), m);
    });
  });
}

void pool_backward_positions(const PoolBackward& a, Context& ctx) {
  const Scratch scratch = ctx.scratch(static_cast<std::size_t>(a.d.y_count()) * sizeof(Position));
  auto* positions = scratch.as<Position>();
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const Maxima out = maxima_of(a.d, a.d.P() * a.d.Q(), kVector<T>), in = maxima_of(a.d, a.d.H * a.d.W, kVector<T>);
    visit_lanes<T>(in.l, [&](auto v) {
      constexpr int kV = decltype(v)::value;
      launch(find_positions<T, kV>, {pixel_grid(out.l, out.c), kPixelThreads, 0, ctx.stream()}, a.x.as<T>(), positions,
             out);
      launch(gather<T, kV>, {pixel_grid(in.l, in.c), kPixelThreads, 0, ctx.stream()}, positions, a.dy.as<T>(),
             a.dx.as<T>(), in);
    });
  });
}

}  // namespace sumi::cuda
