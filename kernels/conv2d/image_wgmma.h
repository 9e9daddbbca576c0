// An image as the left operand of Hopper's tensor cores, for the rows `implicit_gemm_wgmma` and
// `implicit_gemm_wgmma_multicast` of the forward and input-gradient tables.
#pragma once
#include "kernels/conv2d/columns_wgmma.h"
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_wgmma.h"

namespace sumi::cuda {

inline constexpr int kMostWgmmaPhases = 8;

/// A convolution as an image of C channels, read for K channels at every output pixel; transposed with a stride, as
/// several, one for each phase.
template <class T, Major MB, int Phases>
struct WgmmaImage {
  using Element = T;
  using Left = std::integral_constant<Major, Major::k>;
  using Right = std::integral_constant<Major, MB>;
  struct Phase {
    CUtensorMap image;
    WgmmaAxis h, w;
    int first_h, first_w;  // of its outputs
    int pixels, steps;
    int next_row;  // from the filter's index behind one row of taps to the next row
  };
  Phase phase[Phases];
  CUtensorMap filter;
  int C, S;
  int out_step_h, out_step_w, out_h, out_w;
  WgmmaGrid grid;
  Finish<T> finish;
  TileSums sums;

  __device__ const Phase& at(std::int64_t product) const { return phase[Phases == 1 ? 0 : static_cast<int>(product)]; }
  template <class Shape>
  struct Source {
    const WgmmaImage& of;
    const Phase& o;
    int n, h, w, column;     // the tile's first pixel and first column
    int c, index;            // channel, and the filter's r * S + s
    int offset_h, offset_w;  // of the tap
    __device__ __forceinline__ void load(unsigned char* left, unsigned char* right, Mbarrier* full) {
      load_pixels(left, &o.image, full, c, w, h, n, static_cast<unsigned>(offset_w), static_cast<unsigned>(offset_h));
      const int first = Shape::rank() * Shape::kShare;
      unsigned char* share = right + first * kTileLine;
      if constexpr (MB == Major::k)
        load_shared_box<Shape>(share, &of.filter, full, c, index, column + first);
      else
#pragma unroll
        for (int i = 0; i < Shape::kShare / 64; i++)
          load_shared_box<Shape>(share + i * kTileBox, &of.filter, full, column + first + i * 64, index, c);
      advance();
    }
    __device__ __forceinline__ void advance() {
      c += kTileK;
      if (c < of.C) return;
      c = 0, offset_w += o.w.dilation, index += o.w.index_step;
      if (offset_w < o.w.taps * o.w.dilation) return;
      offset_w = 0, offset_h += o.h.dilation, index += o.next_row;
    }
  };
  template <class Shape>
  __device__ __forceinline__ Source<Shape> source(std::int64_t product, int m, int column, int step) const {
    const Phase& o = at(product);
    const auto [n, p, q] = wgmma_pixel(m, o.h, o.w);
    const int chunks = (C + kTileK - 1) / kTileK, tap = step / chunks, r = tap / o.w.taps, s = tap - r * o.w.taps;
    return {.of = *this,
            .o = o,
            .n = n,
            .h = p * o.h.step + o.h.start,
            .w = q * o.w.step + o.w.start,
            .column = column,
            .c = (step - tap * chunks) * kTileK,
            .index = (o.h.index + r * o.h.index_step) * S + o.w.index + s * o.w.index_step,
            .offset_h = r * o.h.dilation,
            .offset_w = s * o.w.dilation};
  }
  __device__ int rows(std::int64_t product) const { return at(product).pixels; }
  __device__ int pixels(std::int64_t product) const { return at(product).h.out * at(product).w.out; }
  __device__ int steps(std::int64_t product) const requires(Phases > 1) { return at(product).steps; }
  __device__ std::int64_t row_of(std::int64_t product, int m) const {
    if constexpr (Phases == 1) return m;
    const Phase& o = at(product);
    const auto [n, p, q] = wgmma_pixel(m, o.h, o.w);
    return (std::int64_t{n} * out_h + o.first_h + p * out_step_h) * out_w + o.first_w + q * out_step_w;
  }
};

/// The filter [K,R,S,C] of the forward convolution: 64 channels x `rows` at one tap, or 64 x 64.
inline CUtensorMap filter_map(const TensorRef& t, std::int64_t K, std::int64_t taps, std::int64_t C, int rows) {
  const auto bytes = static_cast<std::int64_t>(size_of(t.dtype));
  return tensor_map(TiledTensor{.data = t.data,
                                .dtype = t.dtype,
                                .rank = 3,
                                .size = {C, taps, K},
                                .stride = {0, C * bytes, taps * C * bytes},
                                .box = {kTileK, 1, rows},
                                .swizzle = Swizzle::span128});
}

inline WgmmaAxis axis_of(const AxisPhases& a, const AxisTaps& t, std::int64_t in) {
  return {static_cast<int>(in), t.count, a.in_step, t.offset, t.taps, t.offset_step, t.index, t.index_step};
}

inline std::int64_t steps_of_tap(const TapConv& t) { return (t.C + kTileK - 1) / kTileK; }

template <class T, Major MB, int Phases>
WgmmaImage<T, MB, Phases> image_problem(const TapConv& t, int tile_m, int share) {
  const AxisPhases h = phases_of(t.h), w = phases_of(t.w);
  const bool forward = MB == Major::k;
  WgmmaImage<T, MB, Phases> p{.filter = filter_map(t.filter, forward ? t.K : t.C, t.h.filter * t.w.filter,
                                                   forward ? t.C : t.K, forward ? share : kTileK),
                              .C = static_cast<int>(t.C),
                              .S = static_cast<int>(t.w.filter),
                              .out_step_h = h.out_step,
                              .out_step_w = w.out_step,
                              .out_h = h.out,
                              .out_w = w.out,
                              .finish = finish_of<T>(t)};
  for (int i = 0; i < h.phases * w.phases; i++) {
    const AxisTaps &row = h.phase[i / w.phases], &column = w.phase[i % w.phases];
    const WgmmaAxis of_h = axis_of(h, row, t.h.in), of_w = axis_of(w, column, t.w.in);
    p.phase[i] = {.image = columns_map(t.x, of_h, of_w, t.N, t.C, tile_m),
                  .h = of_h,
                  .w = of_w,
                  .first_h = row.first,
                  .first_w = column.first,
                  .pixels = static_cast<int>(t.N) * row.count * column.count,
                  .steps = row.taps * column.taps * static_cast<int>(steps_of_tap(t)),
                  .next_row = of_h.index_step * p.S - of_w.taps * of_w.index_step};
  }
  return p;
}

template <class T, Major MB, class Shape, int Phases = 1>
void run_shape(const TapConv& t, const WgmmaGrid& grid, Context& ctx) {
  auto p = image_problem<T, MB, Phases>(t, Shape::M, Shape::kShare);
  p.grid = grid;
  run_with_sums(p, t, 64, ctx,
                [&](const auto& q) { launch_wgmma<Shape>(q, ctx.device().multiprocessors, ctx.stream()); });
}

/// Shapes, and those where phases have a product each.
template <class Shapes, class PhaseShapes, class T, Major MB>
void run_image(const TapConv& t, Context& ctx) {
  const std::int64_t pixels = t.N * t.h.steps() * t.w.steps();
  const auto phases = static_cast<std::int64_t>(t.h.phases.size() * t.w.phases.size());
  const int steps = static_cast<int>(t.h.max_taps() * t.w.max_taps() * steps_of_tap(t));
  if (MB == Major::mn && phases > 1)
    with_tiles(PhaseShapes{}, phases, pixels, t.K, steps, ctx.device().multiprocessors,
               [&]<class Shape>(Shape, const WgmmaGrid& grid) {
                 run_shape<T, Major::mn, Shape, kMostWgmmaPhases>(t, grid, ctx);
               });
  else
    with_tiles(Shapes{}, 1, pixels, t.K, steps, ctx.device().multiprocessors,
               [&]<class Shape>(Shape, const WgmmaGrid& grid) { run_shape<T, MB, Shape>(t, grid, ctx); });
}

template <class Shapes, class PhaseShapes, Major MB, class Args>
void run_image(const Args& a, Context& ctx) {
  if (a.dtype() == DType::f16)
    run_image<Shapes, PhaseShapes, __half, MB>(taps_of(a), ctx);
  else
    run_image<Shapes, PhaseShapes, __nv_bfloat16, MB>(taps_of(a), ctx);
}

}  // namespace sumi::cuda
