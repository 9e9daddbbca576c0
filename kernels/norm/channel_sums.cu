// The backward in four launches: sums of du and du (x - mean) a channel, cut by pixels over the whole GPU; their merge;
// the coefficients of each image and channel; dx = gain du + slope (x - mean) + offset. As on the CPU, only that the
// images of a batch norm are one image. du is dy through the activation, whose derivative both passes compute again at
// u = gain (x - mean) + bias: 5 instructions an element for relu, some 45 for tanh.
//
// dy of a padded image is folded as it is loaded, 30 instructions for 8 elements: by both passes where dy is hardly
// larger than x. Of an enlarged image it is 4 times as large, and a residual's gradient is what it folds to: then the
// first pass stores that, as it is rounded there, and the second one reads it in dy's place.
//
// Bytes: x and dy twice and dx once, 5 times the tensor; x and dy come a second time from the 50 MB of an H100's second
// level cache if they fit. Floor for 1 x 256^2 x 64 bf16: 5 * 8.4 MB at 3.35 TB/s = 12.5 us, 7.5 us with the cache. The
// two small kernels between take a launch each, 2 us: N C numbers. Enlarged from 128^2 to 256^2: dy once, 4; x twice,
// the folded one written and read, dx: 9 times 2.1 MB, 5.6 us; 11 times if both passes folded.
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/warp.h"
#include "kernels/map/activations.h"
#include "kernels/norm/coefficients.h"
#include "kernels/norm/folded_gradient.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

/// N: rows of statistics.
struct Channels {
  PixelLanes l = {};
  PixelChunks c = {};
  int groups = 1, Cg = 1;
  Folding folding = {};
};

Channels channels_of(const NormBackward& a, int vector) {
  const NormDims& d = a.d;
  const std::int64_t images = d.N / d.rows();
  Channels p{.l = pixel_lanes(d.rows(), images * d.HW, d.C, vector)};
  p.c = pixel_chunks(p.l);
  p.groups = static_cast<int>(d.groups), p.Cg = static_cast<int>(d.C / d.groups);
  p.folding = {.rows = padded_side(a.up() * a.H(), a.pad.top, a.pad.bottom, a.pad_mode),
               .columns = padded_side(a.up() * a.W, a.pad.left, a.pad.right, a.pad_mode),
               .mode = a.pad_mode,
               .images = static_cast<int>(images),
               .C = p.l.C};
  return p;
}

/// v[e] = from[the channel's group] of the thread's lanes.
template <int V>
__device__ __forceinline__ void load_group_values(const Channels& p, const PixelPlace& at, const float* from,
                                                  float (&v)[V]) {
  if (p.Cg == 1) return load_channels(p.l, at.lane, from + at.n * p.groups, v);
  ChannelWalk walk(p.l.C, p.Cg, at.lane);
  int g = walk.channel / p.Cg;
#pragma unroll
  for (int e = 0; e < V; e++) {
    v[e] = from[at.n * p.groups + g];
    walk.next();
    if (walk.within == 0) g = walk.channel == 0 ? 0 : g + 1;
  }
}

/// What du is: dy; that through the activation; the same of dy folded, of an image padded or enlarged (and padded).
enum class Du : std::uint8_t { dy, activated, folded, enlarged };
constexpr bool folds(Du du) { return du == Du::folded || du == Du::enlarged; }

struct Activation {
  Map act;
  float a, eps;
  const float *var, *weight, *bias;  // (N,groups), (C), (C); weight and bias may be null
};

/// v[e] = from[channel of the thread's lane e], or `absent`.
template <int V>
__device__ __forceinline__ void load_param(const PixelLanes& l, int lane, const float* from, float absent,
                                           float (&v)[V]) {
#pragma unroll
  for (int e = 0; e < V; e++) v[e] = absent;
  if (from) load_channels(l, lane, from, v);
}

/// What u = d gain + bias, d = x - mean, takes of the thread's channels.
template <int V>
__device__ __forceinline__ void load_affine(const Channels& p, const PixelPlace& at, const Activation& f,
                                            float (&gain)[V], float (&bias)[V]) {
  float var[V];
  load_group_values(p, at, f.var, var);
  load_param(p.l, at.lane, f.weight, 1, gain);
  load_param(p.l, at.lane, f.bias, 0, bias);
#pragma unroll
  for (int e = 0; e < V; e++) gain[e] /= sqrtf(var[e] + f.eps);
}

/// g = g act'(d gain + bias). The function is chosen outside the loop over elements.
template <int V>
__device__ __forceinline__ void through(const Activation& f, const float (&d)[V], const float (&gain)[V],
                                        const float (&bias)[V], float (&g)[V]) {
  visit_activation(f.act, [&](auto act) {
#pragma unroll
    for (int e = 0; e < V; e++) g[e] *= map_derivative<decltype(act)::value>(d[e] * gain[e] + bias[e], f.a);
  });
}

/// Pixels of an image. Folded ones are fewer, for registers' sake.
template <Du kDu>
using Index = std::conditional_t<folds(kDu), int, std::int64_t>;

/// dy, or what it folds to.
template <class T, int V, Du kDu>
__device__ __forceinline__ auto gradient_of(const Channels& p, const T* dy, const PixelPlace& at) {
  if constexpr (folds(kDu))
    return FoldedGradient < T, V, kDu == Du::enlarged ? 2 : 1 > {p.folding, dy, at};
  else
    return PlainGradient<T, V>{p.l, dy, at};
}

/// sums: (N,chunks,2,C), of du and of du (x - mean). `stored`, unless null, receives what dy folds to.
template <class T, int V, Du kDu>
__global__ void __launch_bounds__(kPixelThreads, kDu == Du::dy ? 3 : 2)
    sum_chunks(const T* x, const T* dy, T* stored, const float* mean, Channels p, Activation f, float* sums) {
  __shared__ float rows[8 * 32 * V], plains[32 * V], products[32 * V];
  const PixelLanes& l = p.l;
  const PixelPlace at(l, p.c);
  float plain[V] = {}, product[V] = {};
  if (at.active && at.first + at.row < at.last) {  // who has no pixel loads no parameters
    float center[V], gain[V], bias[V];
    load_group_values(p, at, mean, center);
    if constexpr (kDu != Du::dy) load_affine(p, at, f, gain, bias);
    const auto gradient = gradient_of<T, V, kDu>(p, dy, at);
    const std::int64_t image = at.n * l.pixels;
    struct Pair {
      decltype(gradient.own(0)) g;
      Vector<T, V> x;
      Index<kDu> pixel;
    };
    const auto load = [&](std::int64_t i) {
      return Pair{gradient.own(i), load_vector<T, V>(x + (image + i) * l.period + at.lane), static_cast<Index<kDu>>(i)};
    };
    // Pixels' places take registers too, and where x is enlarged there are 5 loads a pixel.
    constexpr int kBatch = kDu == Du::enlarged ? 1 : kDu == Du::folded ? 2 : 4;
    for_each_in_batches<kBatch>(at.first + at.row, at.last, l.down(), load, [&](const Pair& v) {
      float d[V], g[V];
      gradient.add_up(v.g, v.pixel, g);
      if (folds(kDu) && stored) {
        Vector<T, V> out;
#pragma unroll
        for (int e = 0; e < V; e++) out.v[e] = from_float<T>(g[e]), g[e] = to_float(out.v[e]);
        store_vector(stored + (image + v.pixel) * l.period + at.lane, out);
      }
#pragma unroll
      for (int e = 0; e < V; e++) d[e] = to_float(v.x.v[e]) - center[e];
      if constexpr (kDu != Du::dy) through(f, d, gain, bias, g);
#pragma unroll
      for (int e = 0; e < V; e++) plain[e] += g[e], product[e] += g[e] * d[e];
    });
  }
  sum_rows<V>(l, plain, rows, plains);
  sum_rows<V>(l, product, rows, products);
  const int c = static_cast<int>(blockIdx.y) * l.lanes() + static_cast<int>(threadIdx.x);
  if (static_cast<int>(threadIdx.x) >= l.lanes() || c >= l.C) return;
  float a = 0, b = 0;
  for (int lane = static_cast<int>(threadIdx.x); lane < l.period && lane < l.lanes(); lane += l.C)  // a wide pixel's
    a += plains[lane], b += products[lane];
  float* out = sums + std::int64_t{blockIdx.x} * 2 * l.C;
  out[c] = a, out[l.C + c] = b;
}

/// x - mean comes first: slope x and slope mean alone would cancel where the mean is large. x is null where dx is only
/// gain du, du being dy.
template <class T, int V, Du kDu>
__global__ void __launch_bounds__(kPixelThreads, kDu == Du::dy ? 3 : 2)
    apply(const T* __restrict__ x, const T* __restrict__ dy, T* __restrict__ dx, Channels p, Activation f,
          const float* __restrict__ coefficients) {
  constexpr int kBatch = 2;
  const bool with_x = kDu != Du::dy || x;
  const PixelLanes& l = p.l;
  const PixelPlace at(l, p.c);
  if (!at.active || at.first + at.row >= at.last) return;
  float mean[V], gain[V], slope[V], offset[V], bias[V];
  const std::int64_t each = l.N * l.C;
  const float* own = coefficients + at.n * l.C;
  load_channels(l, at.lane, own, mean);
  load_channels(l, at.lane, own + each, gain);
  load_channels(l, at.lane, own + 2 * each, slope);
  load_channels(l, at.lane, own + 3 * each, offset);
  if constexpr (kDu != Du::dy) load_param(l, at.lane, f.bias, 0, bias);
  const auto gradient = gradient_of<T, V, kDu>(p, dy, at);
  const std::int64_t image = at.n * l.pixels * l.period + at.lane;
  const auto last = static_cast<Index<kDu>>(at.last);
  for (auto i = static_cast<Index<kDu>>(at.first) + at.row; i < last; i += kBatch * l.down()) {
    decltype(gradient.own(0)) g[kBatch];
    Vector<T, V> v[kBatch];
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const Index<kDu> pixel = i + k * l.down();
      if (pixel >= last) break;
      g[k] = gradient.own(pixel);
      if (with_x) v[k] = load_vector<T, V>(x + image + std::int64_t{pixel} * l.period);
    }
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const Index<kDu> pixel = i + k * l.down();
      if (pixel >= last) break;
      float d[V] = {}, du[V];
      gradient.add_up(g[k], pixel, du);
#pragma unroll
      for (int e = 0; e < V && with_x; e++) d[e] = to_float(v[k].v[e]) - mean[e];
      if constexpr (kDu != Du::dy) through(f, d, gain, bias, du);
#pragma unroll
      for (int e = 0; e < V; e++) v[k].v[e] = from_float<T>(d[e] * slope[e] + (du[e] * gain[e] + offset[e]));
      store_vector(dx + image + std::int64_t{pixel} * l.period, v[k]);
    }
  }
}

template <class F>
void visit_du(Du du, F&& f) {
  if (du == Du::dy) return f(std::integral_constant<Du, Du::dy>{});
  if (du == Du::activated) return f(std::integral_constant<Du, Du::activated>{});
  if (du == Du::folded) return f(std::integral_constant<Du, Du::folded>{});
  f(std::integral_constant<Du, Du::enlarged>{});
}

template <class T, int V>
void run(const NormBackward& a, const Channels& p, Context& ctx) {
  const bool enlarged = a.upsample != Upsample::none, stores = enlarged || a.dresidual;
  const bool sums = stores || a.dweight || a.dbias || (a.dx && !a.frozen);
  const Du unfolded = a.act == Map::identity ? Du::dy : Du::activated;
  const Du first = enlarged ? Du::enlarged : a.pad != Pad4{} || stores ? Du::folded : unfolded;
  const auto bytes = [](std::int64_t count, std::size_t each) { return static_cast<std::size_t>(count) * each; };
  const Scratch partials = ctx.scratch(bytes(p.l.N * p.c.chunks * 2 * p.l.C, sizeof(float)));
  const Scratch coefficients = ctx.scratch(bytes(4 * p.l.N * p.l.C, sizeof(float)));
  const Scratch own = ctx.scratch(enlarged && !a.dresidual ? bytes(a.d.count(), sizeof(T)) : 0);
  T* const stored = a.dresidual ? a.dresidual.as<T>() : enlarged ? own.as<T>() : nullptr;
  const Activation act{.act = a.act,
                       .a = static_cast<float>(a.a),
                       .eps = static_cast<float>(a.eps),
                       .var = a.var.as<float>(),
                       .weight = a.weight.as<float>(),
                       .bias = a.bias.as<float>()};
  const Launch grid{pixel_grid(p.l, p.c), kPixelThreads, 0, ctx.stream()};
  if (sums)
    visit_du(first, [&](auto du) {
      launch(sum_chunks<T, V, decltype(du)::value>, grid, a.x.as<T>(), a.dy.as<T>(), stored, a.mean.as<float>(), p, act,
             partials.as<float>());
    });
  norm_backward_coefficients(a, sums ? partials.as<float>() : nullptr, p.c.chunks,
                             a.dx ? coefficients.as<float>() : nullptr, ctx);
  if (!a.dx) return;
  const Du second = stores ? unfolded : first;
  visit_du(second, [&](auto du) {
    if constexpr (decltype(du)::value != Du::enlarged)
      launch(apply<T, V, decltype(du)::value>, grid, second == Du::dy && a.frozen ? nullptr : a.x.as<T>(),
             stores ? stored : a.dy.as<T>(), a.dx.as<T>(), p, act, coefficients.as<float>());
  });
}

}  // namespace

void norm_backward_channel_sums(const NormBackward& a, Context& ctx) {
  const bool folds = a.resized() || a.dresidual;
  const Dims4 dy = a.dy_dims();
  check(!folds || a.d.N / a.d.rows() * dy.H * dy.W < std::int64_t{1} << 31, "norm_backward: gradients of ", dy.H, 'x',
        dy.W, " are too large");
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const bool vectors = !folds || a.d.C % kVector<T> == 0;  // wide pixels have no neighbours
    const Channels p = channels_of(a, vectors ? kVector<T> : 1);
    visit_lanes<T>(p.l, [&](auto v) { run<T, decltype(v)::value>(a, p, ctx); });
  });
}

}  // namespace sumi::cuda
