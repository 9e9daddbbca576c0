// The row `implicit_gemm_wgmma` of the forward and input-gradient tables: f16 and bf16 on Hopper's tensor cores. The
// copy engine reads the image as the columns of the convolution (im2col mode: padding is what lies outside the image),
// so no thread computes an address and nothing is rearranged in memory.
//   forward          128 pixels of y x 64 channels of x at a tap     filter rows k, channels contiguous
//   input gradient   128 pixels of dx x 64 channels of dy at a tap   filter as it stands: its C is the contiguous side
// A step over k is one tap and 64 channels: RS * C / 64 steps; fewer channels than 64 leave part of a step empty.
// 2 * 128 * 256 * 64 FLOP a step against 48 KiB; neighbouring taps find the image in L2.
#include "kernels/conv2d/columns_wgmma.h"
#include "kernels/conv2d/rows_wgmma.h"
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_wgmma.h"

namespace sumi::cuda {
namespace {

WgmmaAxis gradient_axis(std::int64_t in, std::int64_t out, std::int64_t taps, int dilation, int before) {
  const int reach = static_cast<int>(taps - 1) * dilation;
  return {static_cast<int>(out), static_cast<int>(in), 1, before - reach, static_cast<int>(taps), dilation, true};
}

/// A convolution as an image of C channels, read for K channels at every output pixel.
struct WgmmaConv {
  WgmmaAxis h, w;
  std::int64_t N, C, K;
  TensorRef x, filter, y;
  const Epilogue& epilogue;
};

WgmmaConv conv_of(const Conv2dForward& a) {
  const Conv2dDims& d = a.d;
  return {forward_axis(d.H, d.P(), d.R, d.stride_h, d.dilation_h, static_cast<int>(d.pad.top)),
          forward_axis(d.W, d.Q(), d.S, d.stride_w, d.dilation_w, static_cast<int>(d.pad.left)),
          d.N,
          d.C,
          d.K,
          a.x,
          a.w,
          a.y,
          a.epilogue};
}
WgmmaConv conv_of(const Conv2dBackwardInput& a) {
  const Conv2dDims& d = a.d;
  return {gradient_axis(d.H, d.P(), d.R, d.dilation_h, static_cast<int>(d.pad.top)),
          gradient_axis(d.W, d.Q(), d.S, d.dilation_w, static_cast<int>(d.pad.left)),
          d.N,
          d.K,
          d.C,
          a.dy,
          a.w,
          a.dx,
          a.epilogue};
}

template <class T, Major MB>
struct WgmmaImage {
  using Element = T;
  using Left = std::integral_constant<Major, Major::k>;
  using Right = std::integral_constant<Major, MB>;
  CUtensorMap image, filter;
  WgmmaAxis h, w;
  int M, chunks;  // pixels; steps of one tap
  WgmmaGrid grid;
  Finish<T> finish;

  __device__ __forceinline__ void load_left(unsigned char* tile, Mbarrier* full, std::int64_t, int m, int step) const {
    const int line = m / w.out, q = m - line * w.out, n = line / h.out, p = line - n * h.out;
    const int tap = step / chunks, r = tap / w.taps, s = tap - r * w.taps;
    load_pixels(tile, &image, full, (step - tap * chunks) * kTileK, q * w.step + w.start, p * h.step + h.start, n,
                static_cast<unsigned>((w.reversed ? w.taps - 1 - s : s) * w.dilation),
                static_cast<unsigned>((h.reversed ? h.taps - 1 - r : r) * h.dilation));
  }
  template <int Columns>
  __device__ __forceinline__ void load_right(unsigned char* tile, Mbarrier* full, std::int64_t, int n, int step) const {
    const int tap = step / chunks, c = (step - tap * chunks) * kTileK;
    if constexpr (MB == Major::k)
      load_box(tile, &filter, full, c, tap, n);
    else
#pragma unroll
      for (int i = 0; i < Columns / 64; i++) load_box(tile + i * kTileBox, &filter, full, n + i * 64, tap, c);
  }
  __device__ int rows(std::int64_t) const { return M; }
  __device__ std::int64_t row_of(std::int64_t, int m) const { return m; }
};

/// The filter [K,R,S,C] of the forward convolution: 64 channels x tile_n rows at one tap, or 64 x 64.
CUtensorMap filter_map(const TensorRef& t, std::int64_t K, std::int64_t taps, std::int64_t C, int rows) {
  const auto bytes = static_cast<std::int64_t>(size_of(t.dtype));
  return tensor_map(TiledTensor{.data = t.data,
                                .dtype = t.dtype,
                                .rank = 3,
                                .size = {C, taps, K},
                                .stride = {0, C * bytes, taps * C * bytes},
                                .box = {kTileK, 1, rows},
                                .swizzle = Swizzle::span128});
}

template <class T, Major MB, class Shape>
void run_shape(const WgmmaConv& c, const WgmmaGrid& grid, Context& ctx) {
  const bool forward = MB == Major::k;
  const WgmmaImage<T, MB> p{.image = columns_map(c.x, c.h, c.w, c.N, c.C, 128),
                            .filter = filter_map(c.filter, forward ? c.K : c.C, std::int64_t{c.h.taps} * c.w.taps,
                                                 forward ? c.C : c.K, forward ? Shape::N : kTileK),
                            .h = c.h,
                            .w = c.w,
                            .M = static_cast<int>(c.N * c.h.out * c.w.out),
                            .chunks = static_cast<int>((c.C + kTileK - 1) / kTileK),
                            .grid = grid,
                            .finish = {.y = c.y.as<T>(),
                                       .N = static_cast<int>(c.K),
                                       .bias = c.epilogue.bias.as<float>(),
                                       .residual = c.epilogue.residual.as<T>(),
                                       .act = c.epilogue.act,
                                       .a = static_cast<float>(c.epilogue.a)}};
  with_splits(p, p.M, ctx, [&](const auto& q) { launch_wgmma<Shape>(q, ctx.device().multiprocessors, ctx.stream()); });
}

/// Wide tiles where they fill a GPU.
template <class T, Major MB>
void run_typed(const WgmmaConv& c, Context& ctx) {
  const std::int64_t pixels = c.N * c.h.out * c.w.out;
  const int steps = static_cast<int>(c.h.taps * c.w.taps * ((c.C + kTileK - 1) / kTileK));
  const WgmmaGrid wide = wgmma_grid(1, pixels, c.K, steps, 256);
  if (c.K > 128 && wide.tiles() >= 132)
    run_shape<T, MB, WgmmaShape<256>>(c, wide, ctx);
  else
    run_shape<T, MB, WgmmaShape<128>>(c, wgmma_grid(1, pixels, c.K, steps, 128), ctx);
  store_moments(c.epilogue, c.y, c.N, std::int64_t{c.h.out} * c.w.out, c.K, ctx);
}

template <Major MB, class Args>
void run(const Args& a, Context& ctx) {
  if (a.dtype() == DType::f16)
    run_typed<__half, MB>(conv_of(a), ctx);
  else
    run_typed<__nv_bfloat16, MB>(conv_of(a), ctx);
}

template <class Args>
bool supports(const Args& a, const DeviceInfo& device) {
  const WgmmaConv c = conv_of(a);
  return device.compute_capability == 90 && a.d.groups == 1 && !a.prologue && is_fusible(a.prologue, a.epilogue) &&
         a.d.pad_mode == PadMode::zero && indices_fit(a.d) && a.d.C % 8 == 0 && a.d.K % 8 == 0 && c.h.fits() &&
         c.w.fits() && a.d.N > 0;
}

/// Tiles are 128 x 128 x 64: thinner sides leave them empty.
template <class Args>
bool pays(const Args& a, const DeviceInfo&) {
  return a.d.C >= 32 && a.d.K >= 32;
}

}  // namespace

bool implicit_gemm_wgmma_supports(const Conv2dForward& a, const DeviceInfo& d) { return supports(a, d); }
bool implicit_gemm_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& d) {
  return a.d.unit_stride() && supports(a, d);
}
bool implicit_gemm_wgmma_pays(const Conv2dForward& a, const DeviceInfo& d) { return pays(a, d); }
bool implicit_gemm_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& d) { return pays(a, d); }

void conv2d_forward_implicit_gemm_wgmma(const Conv2dForward& a, Context& ctx) { run<Major::k>(a, ctx); }
void conv2d_backward_input_implicit_gemm_wgmma(const Conv2dBackwardInput& a, Context& ctx) { run<Major::mn>(a, ctx); }

}  // namespace sumi::cuda
