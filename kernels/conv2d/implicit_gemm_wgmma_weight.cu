// The row `implicit_gemm_wgmma` of the weight gradient's table: dw[k][tap, c] = sum over pixels of dy * x on Hopper's
// tensor cores. Pixels are the k of the product: both operands have their channels contiguous (Major::mn), so the copy
// engine brings dy as it stands and x as columns of the convolution, 64 pixels x 64 channels at a tap, and nothing is
// transposed. The sum is long and the result small: shares of the pixels fill the GPU, and always go to slots.
#include "kernels/conv2d/columns_wgmma.h"
#include "kernels/conv2d/rows_wgmma.h"
#include "kernels/conv2d/run_product.h"
#include "kernels/gemm/tile_wgmma.h"

namespace sumi::cuda {
namespace {

template <class T>
struct WgmmaWeight {
  using Element = T;
  using Left = std::integral_constant<Major, Major::mn>;
  using Right = Left;
  CUtensorMap dy, x;
  WgmmaAxis h, w;
  WgmmaPixel jump;  // from a step's first pixel to the next step's
  int K, C;
  WgmmaGrid grid;
  Finish<T> finish;

  template <class Shape>
  struct Source {
    static constexpr int kBoxes = Shape::N / 64;
    const WgmmaWeight& of;
    int m, pixel;                                       // of dy
    WgmmaPixel at;                                      // the same pixel
    int c[kBoxes], offset_h[kBoxes], offset_w[kBoxes];  // channel and tap of 64 columns
    __device__ __forceinline__ void load(unsigned char* left, unsigned char* right, Mbarrier* full) {
#pragma unroll
      for (int i = 0; i < Shape::M / 64; i++) load_box(left + i * kTileBox, &of.dy, full, m + i * 64, pixel);
      const int first_w = at.q * of.w.step + of.w.start, first_h = at.p * of.h.step + of.h.start;
#pragma unroll
      for (int i = 0; i < kBoxes; i++)
        load_pixels(right + i * kTileBox, &of.x, full, c[i], first_w, first_h, at.n, static_cast<unsigned>(offset_w[i]),
                    static_cast<unsigned>(offset_h[i]));
      pixel += kTileK;
      at.q += of.jump.q, at.p += of.jump.p, at.n += of.jump.n;
      if (at.q >= of.w.out) at.q -= of.w.out, at.p++;
      if (at.p >= of.h.out) at.p -= of.h.out, at.n++;
    }
  };
  /// Columns beyond the last tap are channels beyond the image's: zeros.
  template <class Shape>
  __device__ __forceinline__ Source<Shape> source(std::int64_t, int m, int n, int step) const {
    Source<Shape> out{.of = *this, .m = m, .pixel = step * kTileK, .at = wgmma_pixel(step * kTileK, h, w)};
#pragma unroll
    for (int i = 0; i < Shape::N / 64; i++) {
      const int column = n + i * 64, tap = column / C, r = tap / w.taps, s = tap - r * w.taps;
      const bool there = r < h.taps;
      out.c[i] = there ? column - tap * C : C;
      out.offset_h[i] = there ? r * h.dilation : 0, out.offset_w[i] = there ? s * w.dilation : 0;
    }
    return out;
  }
  __device__ int rows(std::int64_t) const { return K; }
  __device__ std::int64_t row_of(std::int64_t, int m) const { return m; }
};

template <class Shape, class T>
void run_shape(WgmmaWeight<T> p, const Conv2dBackwardWeight& a, const WgmmaGrid& grid, Context& ctx) {
  p.grid = grid;
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(grid.splits * p.finish.slot) * sizeof(float));
  p.finish.partial = slots.as<float>();
  launch_wgmma<Shape>(p, ctx.device().multiprocessors, ctx.stream());
  add_weight_slots(a, slots, grid.splits, ctx);
}

template <class T>
void run_typed(const Conv2dBackwardWeight& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  const WgmmaAxis h = forward_axis(d.H, d.P(), d.R, d.stride_h, d.dilation_h, static_cast<int>(d.pad.top));
  const WgmmaAxis w = forward_axis(d.W, d.Q(), d.S, d.stride_w, d.dilation_w, static_cast<int>(d.pad.left));
  const std::int64_t pixels = d.N * d.P() * d.Q(), columns = d.R * d.S * d.C;
  const CUtensorMap dy = tensor_map(TiledTensor{.data = a.dy.data,
                                                .dtype = a.dy.dtype,
                                                .size = {d.K, pixels},
                                                .stride = {0, d.K * 2},
                                                .box = {kTileK, kTileK},
                                                .swizzle = Swizzle::span128});
  WgmmaWeight<T> p{.dy = dy,
                   .x = columns_map(a.x, h, w, d.N, d.C, kTileK),
                   .h = h,
                   .w = w,
                   .jump = wgmma_pixel(kTileK, h, w),
                   .K = static_cast<int>(d.K),
                   .C = static_cast<int>(d.C),
                   .finish = {.N = static_cast<int>(columns), .slot = d.w_count()}};
  with_tiles(WgmmaShapes<WgmmaShape<128, 256>, WgmmaShape<64, 256>>{}, 1, d.K, columns,
             static_cast<int>((pixels + kTileK - 1) / kTileK), ctx.device().multiprocessors,
             [&]<class Shape>(Shape, const WgmmaGrid& grid) { run_shape<Shape>(p, a, grid, ctx); });
  store_bias_gradient(a, ctx);
}

}  // namespace

bool implicit_gemm_wgmma_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) {
  const Conv2dDims& d = a.d;
  return device.warpgroup_products && d.groups == 1 && indices_fit(d) && d.C % 64 == 0 && d.K % 8 == 0 &&
         d.pad_mode == PadMode::zero && d.N > 0 &&
         forward_axis(d.H, d.P(), d.R, d.stride_h, d.dilation_h, static_cast<int>(d.pad.top)).fits() &&
         forward_axis(d.W, d.Q(), d.S, d.stride_w, d.dilation_w, static_cast<int>(d.pad.left)).fits();
}
bool implicit_gemm_wgmma_pays(const Conv2dBackwardWeight& a, const DeviceInfo&) { return a.d.K >= 32; }

void conv2d_backward_weight_implicit_gemm_wgmma(const Conv2dBackwardWeight& a, Context& ctx) {
  if (a.dtype() == DType::f16)
    run_typed<__half>(a, ctx);
  else
    run_typed<__nv_bfloat16>(a, ctx);
}

}  // namespace sumi::cuda
