// The three convolutions as the products that the tile kernels take.
//   forward           M = N P Q pixels          N = K channels   K = R S C
//   input gradient    M = N H W / phases        N = C            K = taps of the phase * K     one product a phase
//   weight gradient   M = K                     N = R S C        K = N P Q pixels
#pragma once
#include "kernels/conv2d/image_operand.h"
#include "kernels/conv2d/taps.h"
#include "kernels/conv2d/tile_sums.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// What the index arithmetic takes: 32 bits within an image, for the pixels of a batch and for a filter.
inline bool indices_fit(const Conv2dDims& d) {
  constexpr std::int64_t kMost = 0x3fffffff;
  return d.H * d.W * d.C <= kMost && d.P() * d.Q() * d.K <= kMost &&
         d.N * std::max(d.H * d.W, d.P() * d.Q()) <= kMost && d.w_count() <= kMost;
}

/// Whether LoadMap and Finish can do what the arguments ask for.
template <class Args>
bool is_loadable(const Args& a) {
  return is_fusible(a.prologue, a.epilogue) && (!a.prologue || a.prologue.act <= Map::leaky_relu);
}

/// Phases of one axis; a transposed convolution has as many as its stride.
inline constexpr int kMaxPhases = 4;
struct AxisPhases {
  AxisTaps phase[kMaxPhases];
  int phases, in_step, out_step, out;
  __device__ AxisTaps pick(int i) const {
    AxisTaps t = phase[0];
#pragma unroll
    for (int j = 1; j < kMaxPhases; j++)
      if (i == j) t = phase[j];
    return t;
  }
};

/// The same on the device: a phase's taps as a first one and a step. At most kMaxPhases of them.
inline AxisPhases phases_of(const Axis& a) {
  AxisPhases p{{},
               static_cast<int>(a.phases.size()),
               static_cast<int>(a.in_step),
               static_cast<int>(a.out_step),
               static_cast<int>(a.out)};
  for (std::size_t i = 0; i < a.phases.size(); i++) {
    const Phase& from = a.phases[i];
    const auto taps = from.taps.size();
    AxisTaps& t = p.phase[i];
    t = {.first = static_cast<int>(from.first), .count = static_cast<int>(from.count), .taps = static_cast<int>(taps)};
    if (taps > 0)
      t.offset = static_cast<int>(from.taps[0].offset - a.before), t.index = static_cast<int>(from.taps[0].index);
    if (taps > 1) {
      t.offset_step = static_cast<int>(from.taps[1].offset - from.taps[0].offset);
      t.index_step = static_cast<int>(from.taps[1].index - from.taps[0].index);
    }
  }
  return p;
}

/// The image that the convolution reads, padding and pending map included.
template <class T>
Image<T> image_of(const TapConv& t) {
  return {
      t.x.as<T>(),
      static_cast<int>(t.h.in),
      static_cast<int>(t.w.in),
      static_cast<int>(t.C),
      t.mode,
      t.C % kVector<T> == 0,
      {t.prologue.scale.as<float>(), t.prologue.shift.as<float>(), t.prologue.act, static_cast<float>(t.prologue.a)}};
}

/// Its epilogue without the statistics.
template <class T>
Finish<T> finish_of(const TapConv& t) {
  return {.y = t.y.as<T>(),
          .N = static_cast<int>(t.K),
          .bias = t.epilogue.bias.as<float>(),
          .residual = t.epilogue.residual.as<T>(),
          .act = t.epilogue.act,
          .a = static_cast<float>(t.epilogue.a)};
}

/// A convolution, or the transpose of one.
template <class T, bool Transposed>
struct ConvProduct {
  using Element = T;
  using A = ImageRows<T>;
  using B = std::conditional_t<Transposed, FilterRows<T>, Matrix<T, Run::along_k>>;
  static constexpr int least_blocks = Transposed ? 1 : 2;
  Image<T> image;
  B filter;
  AxisPhases h, w;
  int images;
  TileGrid grid;
  Finish<T> finish;
  TileSums sums;

  struct Part {
    A a;
    B b;
    int M, K, out_step_h, out_step_w, out_h, out_w, phase;
    __device__ int pixels() const { return a.h.count * a.w.count; }
    __device__ std::int64_t row_of(int m) const {
      if constexpr (!Transposed) return m;
      const int line = m / a.w.count, column = m - line * a.w.count, n = line / a.h.count;
      const int row = a.h.first + (line - n * a.h.count) * out_step_h;
      return (std::int64_t{n} * out_h + row) * out_w + a.w.first + column * out_step_w;
    }
  };
  __device__ Part part(std::int64_t product) const {
    const int i = static_cast<int>(product);
    Part p{{image, {}, {}, h.in_step, w.in_step, 0},
           filter,
           0,
           0,
           h.out_step,
           w.out_step,
           h.out,
           w.out,
           Transposed ? i : 0};
    p.a.h = Transposed ? h.pick(i / w.phases) : h.phase[0];
    p.a.w = Transposed ? w.pick(i % w.phases) : w.phase[0];
    p.a.rows = p.M = images * p.a.h.count * p.a.w.count;
    p.K = p.a.h.taps * p.a.w.taps * image.C;
    if constexpr (Transposed) p.b.h = p.a.h, p.b.w = p.a.w;
    return p;
  }
};

/// A convolution as a product, but for its grid.
template <class T, bool Transposed>
ConvProduct<T, Transposed> conv_product(const TapConv& t) {
  ConvProduct<T, Transposed> p{image_of<T>(t),        {}, phases_of(t.h),  phases_of(t.w),
                               static_cast<int>(t.N), {}, finish_of<T>(t), {}};
  const auto C = static_cast<int>(t.C), K = static_cast<int>(t.K);
  if constexpr (Transposed)
    p.filter = {t.filter.as<T>(),
                static_cast<int>(t.h.filter),
                static_cast<int>(t.w.filter),
                C,
                K,
                K % kVector<T> == 0,
                {},
                {}};
  else
    p.filter = {t.filter.as<T>(), t.h.filter * t.w.filter * C, K, C % kVector<T> == 0};
  return p;
}

/// Pixels of an image of the result that each phase makes.
inline std::vector<std::int64_t> pixels_by_phase(const TapConv& t) {
  std::vector<std::int64_t> pixels;
  for (const Phase& h : t.h.phases)
    for (const Phase& w : t.w.phases) pixels.push_back(h.count * w.count);
  return pixels;
}

/// The grid of a convolution: as many products as phases.
inline TileGrid conv_grid(const TapConv& t, int tile_m, int tile_n, int tile_k) {
  return tile_grid(static_cast<std::int64_t>(t.h.phases.size() * t.w.phases.size()), t.N * t.h.steps() * t.w.steps(),
                   t.K, t.h.max_taps() * t.w.max_taps() * t.C, tile_m, tile_n, tile_k);
}

/// The gradient of the weights; its sums always go to slots.
template <class T>
struct WeightProduct {
  using Element = T;
  using A = Matrix<T, Run::across_k>;
  using B = ImageColumns<T>;
  static constexpr int least_blocks = 1;
  A a;
  B b;
  int M, K;
  TileGrid grid;
  Finish<T> finish;

  struct Part {
    A a;
    B b;
    int M, K;
    __device__ std::int64_t row_of(int m) const { return m; }
  };
  __device__ Part part(std::int64_t) const { return {a, b, M, K}; }
};

/// The weight gradient as a product, but for its grid.
template <class T>
WeightProduct<T> weight_product(const Conv2dBackwardWeight& a) {
  const TapConv t = taps_of(a);
  const AxisPhases h = phases_of(t.h), w = phases_of(t.w);
  const auto K = static_cast<int>(a.d.K), columns = static_cast<int>(a.d.R * a.d.S * a.d.C);
  return {.a = {a.dy.as<T>(), a.d.K, K, K % kVector<T> == 0},
          .b = {image_of<T>(t), h.phase[0], w.phase[0], h.in_step, w.in_step, columns},
          .M = K,
          .K = static_cast<int>(a.d.N * a.d.P() * a.d.Q()),
          .grid = {},
          .finish = {.N = columns}};
}

}  // namespace sumi::cuda
