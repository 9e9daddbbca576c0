// The backward in four launches: sums of du and du (x - mean) a channel, cut by pixels over the whole GPU; their merge;
// the coefficients of each image and channel; dx = gain du + slope (x - mean) + offset. As on the CPU, only that the
// images of a batch norm are one image. du is dy through the activation, whose derivative both passes compute again at
// u = gain (x - mean) + bias: 5 instructions an element for relu, some 45 for tanh. dy of a padded image is folded by
// both passes as they load it: 30 instructions for 8 elements, and the second one stores the residual's gradient.
//
// Bytes: x and dy twice and dx once, 5 times the tensor; x and dy come a second time from the 50 MB of an H100's second
// level cache if they fit. Floor for 1 x 256^2 x 64 bf16: 5 * 8.4 MB at 3.35 TB/s = 12.5 us, 7.5 us with the cache. The
// two small kernels between take a launch each, 2 us: N C numbers.
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/warp.h"
#include "kernels/map/activations.h"
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
  p.folding = {.rows = padded_side(a.H(), a.pad.top, a.pad.bottom, a.pad_mode),
               .columns = padded_side(a.W, a.pad.left, a.pad.right, a.pad_mode),
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

/// What du is: dy; that through the activation; the same of dy folded.
enum class Du : std::uint8_t { dy, activated, folded };

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

/// sums: (N,chunks,2,C), of du and of du (x - mean).
template <class T, int V, Du kDu>
__global__ void __launch_bounds__(kPixelThreads, kDu == Du::dy ? 3 : 2)
    sum_chunks(const T* x, const T* dy, const float* mean, Channels p, Activation f, float* sums) {
  __shared__ float rows[8 * 32 * V], plains[32 * V], products[32 * V];
  const PixelLanes& l = p.l;
  const PixelPlace at(l, p.c);
  float plain[V] = {}, product[V] = {};
  if (at.active) {
    float center[V], gain[V], bias[V];
    load_group_values(p, at, mean, center);
    if constexpr (kDu != Du::dy) load_affine(p, at, f, gain, bias);
    const FoldedGradient<T, V> folded{p.folding, dy, at};
    const std::int64_t image = at.n * l.pixels;
    struct Pair {
      Vector<T, V> g, x;
      int shared = -1;  // the pixel where others than its own position read it
    };
    const auto load = [&](std::int64_t i) {
      const std::int64_t from = (image + i) * l.period + at.lane;
      Pair v;
      if constexpr (kDu == Du::folded) {
        bool shared;
        v.g = folded.own(i, shared);
        if (shared) v.shared = static_cast<int>(i);
      } else {
        v.g = load_vector<T, V>(dy + from);
      }
      v.x = load_vector<T, V>(x + from);
      return v;
    };
    constexpr int kBatch = kDu == Du::folded ? 2 : 4;  // pixels' places take registers too
    for_each_in_batches<kBatch>(at.first + at.row, at.last, l.down(), load, [&](const Pair& v) {
      float d[V], g[V];
#pragma unroll
      for (int e = 0; e < V; e++) d[e] = to_float(v.x.v[e]) - center[e], g[e] = to_float(v.g.v[e]);
      if (kDu == Du::folded && v.shared >= 0) folded.add_others(v.shared, g);
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

constexpr int kMergeAcross = 8;

/// merged (N,2,C) = sums (N,chunks,2,C) added up in double: 8 numbers, a sector, side by side, 4 or more threads for
/// each.
__global__ void __launch_bounds__(kMostMergeThreads) merge(const float* sums, int chunks, int numbers, float* merged) {
  __shared__ double parts[kMostMergeThreads];
  const unsigned blocks = static_cast<unsigned>((numbers + kMergeAcross - 1) / kMergeAcross);
  const unsigned n = blockIdx.x / blocks;
  const int i = static_cast<int>((blockIdx.x - n * blocks) * kMergeAcross + threadIdx.x % kMergeAcross);
  const float* own = sums + std::int64_t{n} * chunks * numbers + i;
  double sum = 0;
  for_each_in_batches(
      threadIdx.x / kMergeAcross, i < numbers ? chunks : 0, static_cast<int>(blockDim.x) / kMergeAcross,
      [&](std::int64_t k) { return own[k * numbers]; }, [&](float v) { sum += static_cast<double>(v); });
  parts[threadIdx.x] = sum;
  for (unsigned o = blockDim.x / 2; o >= kMergeAcross; o /= 2) {
    __syncthreads();
    if (threadIdx.x < o) parts[threadIdx.x] += parts[threadIdx.x + o];
  }
  if (threadIdx.x < kMergeAcross && i < numbers)
    merged[std::int64_t{n} * numbers + i] = static_cast<float>(parts[threadIdx.x]);
}

constexpr int kFoldThreads = 128;

struct Fold {
  int N, C, groups, Cg;
  int width;             // threads that share a statistic, a power of two up to 32
  unsigned stat_blocks;  // the blocks after them take dweight and dbias, a channel a thread
  bool frozen;
  double eps, elements;
  const float *mean, *var, *weight, *sums;  // sums (N,2,C); null: not needed
  float *coefficients, *dweight, *dbias;    // coefficients (4,N,C): mean, gain, slope, offset; null: no dx
};

__device__ double rstd_of(const Fold& f, int s) { return 1 / sqrt(static_cast<double>(f.var[s]) + f.eps); }

__device__ void fold_params(const Fold& f, int c) {
  double dweight = 0, dbias = 0;
  for (int n = 0; n < f.N; n++) {
    const float* sums = f.sums + std::int64_t{n} * 2 * f.C;
    dbias += static_cast<double>(sums[c]);
    dweight += rstd_of(f, n * f.groups + c / f.Cg) * static_cast<double>(sums[f.C + c]);
  }
  if (f.dweight) f.dweight[c] = static_cast<float>(dweight);
  if (f.dbias) f.dbias[c] = static_cast<float>(dbias);
}

__global__ void __launch_bounds__(kFoldThreads) fold(Fold f) {
  if (blockIdx.x >= f.stat_blocks) {
    const int c = static_cast<int>((blockIdx.x - f.stat_blocks) * kFoldThreads + threadIdx.x);
    if (c < f.C) fold_params(f, c);
    return;
  }
  const int stats = f.N * f.groups, wanted = static_cast<int>(blockIdx.x * kFoldThreads + threadIdx.x) / f.width;
  const int s = wanted < stats ? wanted : stats - 1;  // the last ones again, so that whole warps add up
  const int n = s / f.groups, c0 = s % f.groups * f.Cg, sub = static_cast<int>(threadIdx.x) & (f.width - 1);
  const double rstd = rstd_of(f, s);
  double g = 0, gx = 0;
  if (!f.frozen) {
    for (int c = c0 + sub; c < c0 + f.Cg; c += f.width) {
      const float* sums = f.sums + std::int64_t{n} * 2 * f.C + c;
      const double weight = f.weight ? static_cast<double>(f.weight[c]) : 1;
      g += weight * static_cast<double>(sums[0]);
      gx += weight * static_cast<double>(sums[f.C]);
    }
    const auto plus = [](double a, double b) { return a + b; };
    g = group_reduce(g, f.width, plus) / f.elements;
    gx = group_reduce(gx, f.width, plus) * rstd / f.elements;
  }
  if (wanted >= stats) return;
  const std::int64_t each = std::int64_t{f.N} * f.C;
  for (int c = c0 + sub; c < c0 + f.Cg; c += f.width) {
    float* to = f.coefficients + std::int64_t{n} * f.C + c;
    to[0] = f.mean[s];
    to[each] = static_cast<float>(f.weight ? static_cast<double>(f.weight[c]) * rstd : rstd);
    to[2 * each] = static_cast<float>(-rstd * rstd * gx);
    to[3 * each] = static_cast<float>(-rstd * g);
  }
}

/// x - mean comes first: slope x and slope mean alone would cancel where the mean is large. x is null where dx is only
/// gain du, du being dy. Of dx and dresidual one may be null; the latter always is where dy is not folded.
template <class T, int V, Du kDu>
__global__ void __launch_bounds__(kPixelThreads, kDu == Du::dy ? 3 : 2)
    apply(const T* __restrict__ x, const T* __restrict__ dy, T* __restrict__ dx, T* __restrict__ dresidual, Channels p,
          Activation f, const float* __restrict__ coefficients) {
  constexpr int kBatch = 2;
  using Index = std::conditional_t<kDu == Du::folded, int, std::int64_t>;  // registers: folded images are smaller
  const bool with_x = kDu != Du::dy || x;
  const PixelLanes& l = p.l;
  const PixelPlace at(l, p.c);
  if (!at.active) return;
  float mean[V], gain[V], slope[V], offset[V], bias[V];
  const std::int64_t each = l.N * l.C;
  const float* own = coefficients + at.n * l.C;
  load_channels(l, at.lane, own, mean);
  load_channels(l, at.lane, own + each, gain);
  load_channels(l, at.lane, own + 2 * each, slope);
  load_channels(l, at.lane, own + 3 * each, offset);
  if constexpr (kDu != Du::dy) load_param(l, at.lane, f.bias, 0, bias);
  const FoldedGradient<T, V> folded{p.folding, dy, at};
  const std::int64_t image = at.n * l.pixels * l.period + at.lane;
  const Index last = static_cast<Index>(at.last);
  for (Index i = static_cast<Index>(at.first) + at.row; i < last; i += kBatch * l.down()) {
    Vector<T, V> g[kBatch], v[kBatch];
    [[maybe_unused]] bool shared[kBatch];
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const Index pixel = i + k * l.down();
      if (pixel >= last) break;
      if constexpr (kDu == Du::folded)
        g[k] = folded.own(pixel, shared[k]);
      else
        g[k] = load_vector<T, V>(dy + image + std::int64_t{pixel} * l.period);
      if (with_x) v[k] = load_vector<T, V>(x + image + std::int64_t{pixel} * l.period);
    }
#pragma unroll
    for (int k = 0; k < kBatch; k++) {
      const Index pixel = i + k * l.down();
      if (pixel >= last) break;
      float d[V] = {}, du[V];
#pragma unroll
      for (int e = 0; e < V; e++) {
        if (with_x) d[e] = to_float(v[k].v[e]) - mean[e];
        du[e] = to_float(g[k].v[e]);
      }
      if constexpr (kDu == Du::folded) {
        if (shared[k]) folded.add_others(pixel, du);
        if (dresidual) {
#pragma unroll
          for (int e = 0; e < V; e++) g[k].v[e] = from_float<T>(du[e]);
          store_vector(dresidual + image + std::int64_t{pixel} * l.period, g[k]);
        }
        if (!dx) continue;
      }
      if constexpr (kDu != Du::dy) through(f, d, gain, bias, du);
#pragma unroll
      for (int e = 0; e < V; e++) g[k].v[e] = from_float<T>(d[e] * slope[e] + (du[e] * gain[e] + offset[e]));
      store_vector(dx + image + std::int64_t{pixel} * l.period, g[k]);
    }
  }
}

Fold fold_of(const NormBackward& a, const Channels& p, const float* sums, float* coefficients) {
  Fold f{.N = static_cast<int>(p.l.N),
         .C = p.l.C,
         .groups = p.groups,
         .Cg = p.Cg,
         .width = 1,
         .stat_blocks = 0,
         .frozen = a.frozen,
         .eps = a.eps,
         .elements = static_cast<double>(a.d.per_stat()),
         .mean = a.mean.as<float>(),
         .var = a.var.as<float>(),
         .weight = a.weight.as<float>(),
         .sums = sums,
         .coefficients = coefficients,
         .dweight = a.dweight.as<float>(),
         .dbias = a.dbias.as<float>()};
  while (f.width < 32 && 2 * f.width <= f.Cg) f.width *= 2;
  if (a.dx || a.dresidual) f.stat_blocks = blocks_for(a.d.stats() * f.width, kFoldThreads);
  return f;
}

template <class T, int V, Du kDu>
void run(const NormBackward& a, const Channels& p, Context& ctx) {
  const bool params = a.dweight || a.dbias, sums = params || !a.frozen;
  const std::int64_t numbers = 2 * p.l.C;
  const Scratch partials = ctx.scratch(static_cast<std::size_t>(p.l.N * p.c.chunks * numbers) * sizeof(float));
  const Scratch merged = ctx.scratch(static_cast<std::size_t>(p.l.N * numbers) * sizeof(float));
  const Scratch coefficients = ctx.scratch(static_cast<std::size_t>(4 * p.l.N * p.l.C) * sizeof(float));
  const float* totals = partials.as<float>();
  const Activation act{.act = a.act,
                       .a = static_cast<float>(a.a),
                       .eps = static_cast<float>(a.eps),
                       .var = a.var.as<float>(),
                       .weight = a.weight.as<float>(),
                       .bias = a.bias.as<float>()};
  if (sums) {
    launch(sum_chunks<T, V, kDu>, {pixel_grid(p.l, p.c), kPixelThreads, 0, ctx.stream()}, a.x.as<T>(), a.dy.as<T>(),
           a.mean.as<float>(), p, act, partials.as<float>());
    if (p.c.chunks > 1) {
      const std::int64_t blocks = p.l.N * ((numbers + kMergeAcross - 1) / kMergeAcross);
      launch(merge, {blocks_for(blocks, 1), merge_threads(p.c.chunks, kMergeAcross), 0, ctx.stream()},
             partials.as<float>(), static_cast<int>(p.c.chunks), static_cast<int>(numbers), merged.as<float>());
      totals = merged.as<float>();
    }
  }
  const Fold f = fold_of(a, p, totals, coefficients.as<float>());
  const unsigned param_blocks = params ? blocks_for(p.l.C, kFoldThreads) : 0;
  if (f.stat_blocks + param_blocks > 0) launch(fold, {f.stat_blocks + param_blocks, kFoldThreads, 0, ctx.stream()}, f);
  if (a.dx || a.dresidual)
    launch(apply<T, V, kDu>, {pixel_grid(p.l, p.c), kPixelThreads, 0, ctx.stream()},
           kDu == Du::dy && a.frozen ? nullptr : a.x.as<T>(), a.dy.as<T>(), a.dx.as<T>(), a.dresidual.as<T>(), p, act,
           coefficients.as<float>());
}

}  // namespace

void norm_backward_channel_sums(const NormBackward& a, Context& ctx) {
  const bool folds = a.pad != Pad4{} || a.dresidual;
  check(!folds || a.d.N / a.d.rows() * a.d.HW < std::int64_t{1} << 31, "norm_backward: images of ", a.H(), 'x', a.W,
        " are too large");
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    const bool vectors = !folds || a.d.C % kVector<T> == 0;  // wide pixels have no neighbours
    const Channels p = channels_of(a, vectors ? kVector<T> : 1);
    visit_lanes<T>(p.l, [&](auto v) {
      constexpr int kLanes = decltype(v)::value;
      if (folds) return run<T, kLanes, Du::folded>(a, p, ctx);
      if (a.act == Map::identity) return run<T, kLanes, Du::dy>(a, p, ctx);
      run<T, kLanes, Du::activated>(a, p, ctx);
    });
  });
}

}  // namespace sumi::cuda
