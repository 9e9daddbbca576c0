// The rows `winograd` (f32, F(4x4,3x3)) and `winograd_2x2` (f16, F(2x2,3x3)) of the forward and input-gradient tables.
// Three kernels for each chunk of tiles; V, U and M are the data, the filter and the products in Winograd's domain:
//   transform_input    V[point][tile][C] = B'dB of the tile's patch: affine map, activation and padding at load
//   the gemm rows      M[point][tile][K] = V[point] U[point], a batch of 36 or 16 products
//   transform_output   y = A'MA, bias, residual, activation; sums for a norm that follows
// U is cached with the weights. A thread takes one tile of 4 bytes of channels, a warp 128 contiguous bytes, a block 8
// neighbouring tiles, which find the two columns that their patches share in L1 (16 on the way back in f16).
//
// Per output pixel F(4x4) multiplies 4.5 C K FLOP instead of 18 C K, and moves 4 C + 9 C bytes to make V and 9 K + 4 K
// to make y of M: for C = K = 256 at 50 TFLOP/s of the 67 and memory's 3.35 TB/s 5.9 ns and 2.0 ns, against the plain
// sum's 23.6 ns. F(2x2) in f16: 8 C K FLOP, 16 C + 10 K bytes of L2. A warp's transform into the domain issues some 800
// instructions for 36 x 128 bytes read and written: 200 cycles of a multiprocessor, and 380 of its share of L2. Chunks
// keep V and M together in 64 MiB (f32: arithmetic is the limit, larger products fill the last wave of blocks better)
// or 32 MiB (f16: bytes are, and 32 of them stay in L2).
//
// A block that held all 36 points of its tiles would spare V and M, but 910 (tile, channel) pairs fill 128 registers of
// 256 threads: 16 tiles for each filter value that comes from L2, 8 FLOP a byte where 12 are wanted.
#include "kernels/conv2d/image_product.h"
#include "kernels/conv2d/winograd_cuda.h"
#include "kernels/conv2d/winograd_kernels.h"
#include "kernels/gemm/rows.h"

namespace sumi::cuda {
namespace {

/// Both ops as one correlation: y[n,p,q,k] = sum over r,s,c of x[n,p+r-top,q+s-left,c] * filter.
struct WinogradConv {
  std::int64_t N, C, K;
  WinogradAxis h, w;
  PadMode mode;
  bool transposed;  // the filter is [C,3,3,K] and flipped, instead of [K,3,3,C]
  TensorRef x, filter, y;
  Prologue prologue;
  Epilogue epilogue;
  std::string_view op;
};

WinogradAxis axis_of(std::int64_t in, std::int64_t out, int before) {
  return {static_cast<int>(in), static_cast<int>(out), before, 0};
}

WinogradConv conv_of(const Conv2dForward& a) {
  const Conv2dDims& d = a.d;
  return {d.N,
          d.C,
          d.K,
          axis_of(d.H, d.P(), d.pad.top),
          axis_of(d.W, d.Q(), d.pad.left),
          d.pad_mode,
          false,
          a.x,
          a.w,
          a.y,
          a.prologue,
          a.epilogue,
          a.op};
}
WinogradConv conv_of(const Conv2dBackwardInput& a) {
  const Conv2dDims& d = a.d;
  return {d.N,
          d.K,
          d.C,
          axis_of(d.P(), d.H, 2 - d.pad.top),
          axis_of(d.Q(), d.W, 2 - d.pad.left),
          PadMode::zero,
          true,
          a.dy,
          a.w,
          a.dx,
          a.prologue,
          a.epilogue,
          a.op};
}

template <class F, class T>
std::shared_ptr<Scratch> transformed_filter(const WinogradConv& c, Context& ctx) {
  return ctx.cache().get<Scratch>("winograd", concat(c.op, 'C', c.C, 'K', c.K), c.filter, [&] {
    const std::int64_t count = c.C * c.K;
    auto u = std::make_shared<Scratch>(ctx.lasting(static_cast<std::size_t>(F::points * count) * sizeof(T)));
    launch(transform_filter<F, T>, {blocks_for(count, kWinogradFilters), kWinogradFilters, 0, ctx.stream()},
           c.filter.as<T>(), u->template as<T>(), static_cast<int>(count), static_cast<int>(c.transposed ? c.K : c.C),
           c.transposed);
    return u;
  });
}

/// The products of a chunk, on the cores that suit the dtype best.
void multiply(const Gemm& g, Context& ctx) {
  if (g.dtype() == DType::f32) return gemm_register_blocked(g, ctx);
  if (gemm_wgmma_supports(g, ctx.device()) && gemm_wgmma_pays(g, ctx.device())) return gemm_wgmma(g, ctx);
  gemm_mma(g, ctx);
}

template <class T>
WinogradInput<T> input_of(const WinogradConv& c) {
  const Prologue& p = c.prologue;
  const LoadMap map{p.scale.as<float>(), p.shift.as<float>(), p.act, static_cast<float>(p.a)};
  return {c.x.as<T>(), c.h, c.w, static_cast<int>(c.C), c.mode, map};
}

template <class T>
WinogradOutput<T> output_of(const WinogradConv& c, const MomentSlots& slots) {
  return {{.y = c.y.as<T>(),
           .N = static_cast<int>(c.K),
           .bias = c.epilogue.bias.as<float>(),
           .residual = c.epilogue.residual.as<T>(),
           .act = c.epilogue.act,
           .a = static_cast<float>(c.epilogue.a)},
          c.h,
          c.w,
          slots};
}

/// Calls start(tiles, launch) with the blocks that transform `count` tiles of so many channels, `each` a block.
template <class T, class Start>
void over_tiles(std::int64_t first, std::int64_t count, int each, std::int64_t channels, Context& ctx, Start&& start) {
  const unsigned across = blocks_for(channels, kWinogradLanes * kPack<T>);
  start(WinogradTiles{static_cast<int>(first), static_cast<int>(count), static_cast<int>(across)},
        Launch{blocks_for(count, each) * across, dim3(kWinogradLanes, static_cast<unsigned>(each)), 0, ctx.stream()});
}

template <class F, class T>
void run_winograd(WinogradConv c, std::int64_t bytes, Context& ctx) {
  c.h.tiles = (c.h.out + F::tile - 1) / F::tile, c.w.tiles = (c.w.out + F::tile - 1) / F::tile;
  const auto filter = transformed_filter<F, T>(c, ctx);
  const std::int64_t tiles = c.N * c.h.tiles * c.w.tiles, of_tile = F::points * (c.C + c.K) * std::int64_t{sizeof(T)};
  const std::int64_t each = std::min(tiles, std::max<std::int64_t>(bytes / of_tile / 128, 1) * 128);
  const Scratch v = ctx.scratch(static_cast<std::size_t>(F::points * each * c.C) * sizeof(T));
  const Scratch m = ctx.scratch(static_cast<std::size_t>(F::points * each * c.K) * sizeof(T));
  const MomentsInStore moments(c.epilogue, c.N, {tiles / c.N}, kOutputTiles<F>, c.K, ctx);
  for (std::int64_t first = 0; first < tiles; first += each) {
    const std::int64_t count = std::min(each, tiles - first);
    over_tiles<T>(first, count, kInputTiles, c.C, ctx, [&](const WinogradTiles& t, const Launch& l) {
      launch(transform_input<F, T>, l, input_of<T>(c), t, v.as<T>());
    });
    Gemm g;
    g.batch = F::points, g.M = count, g.N = c.K, g.K = c.C, g.transpose_b = !c.transposed;
    g.a = {v.as<void>(), c.x.dtype}, g.b = {filter->template as<void>(), c.x.dtype}, g.y = {m.as<void>(), c.x.dtype};
    multiply(g, ctx);
    over_tiles<T>(first, count, kOutputTiles<F>, c.K, ctx, [&](const WinogradTiles& t, const Launch& l) {
      launch(transform_output<F, T>, l, output_of<T>(c, moments.slots()), t, m.as<T>());
    });
  }
  moments.merge(std::int64_t{c.h.out} * c.w.out, ctx);
}

constexpr std::int64_t kScratch4 = 64 << 20, kScratch2 = 32 << 20;  // bytes of V and M of a chunk

template <class Args>
bool is_3x3(const Args& a) {
  return a.d.R == 3 && a.d.S == 3 && a.d.unit_stride() && a.d.unit_dilation() && a.d.groups == 1 && indices_fit(a.d) &&
         is_loadable(a);
}

bool in_eights(const Conv2dDims& d, std::int64_t C) { return d.C % 8 == 0 && d.K % 8 == 0 && C >= 16; }

constexpr std::int64_t parts(std::int64_t n, std::int64_t each) { return (n + each - 1) / each; }

/// In f32 on an H100, per pixel: 13.5 C K FLOP are saved at about 50 TFLOP/s, about 13 (C + K) bytes are added at 3.35
/// to 5.5 TB/s: even at C = K = 30, 1.4 times the speed at 48. Tiles come in the products' rows of 64, which must not
/// stand half empty.
bool pays_4x4(const WinogradConv& c) {
  const std::int64_t tiles = c.N * parts(c.h.out, 4) * parts(c.w.out, 4);
  return c.C * c.K >= 24 * (c.C + c.K) && c.N * c.h.out * c.w.out >= 8 * parts(tiles, 64) * 64;
}

/// In f16 10 C K FLOP are saved where 18 C K are fast: bytes weigh ten times as much. On Hopper wgmma does the
/// products, and the plain sum as well, with a pass in front where something is mapped at load or mirrored: 4 C bytes a
/// pixel more. Products must fill the GPU.
bool pays_2x2(const WinogradConv& c, const DeviceInfo& device) {
  const std::int64_t tiles = c.N * parts(c.h.out, 2) * parts(c.w.out, 2);
  const bool hopper = device.warpgroup_products, plain = !c.prologue && c.mode == PadMode::zero;
  const std::int64_t least = !hopper ? 192 : plain ? 224 : 128;
  return c.C * c.K >= least * (c.C + c.K) && parts(tiles, 128) * parts(c.K, 128) * 16 >= 256 &&
         c.N * c.h.out * c.w.out >= 3 * tiles;
}

}  // namespace

bool winograd_supports(const Conv2dForward& a, const DeviceInfo&) { return is_3x3(a); }
bool winograd_supports(const Conv2dBackwardInput& a, const DeviceInfo&) {
  return is_3x3(a) && a.d.pad_mode == PadMode::zero;
}
bool winograd_2x2_supports(const Conv2dForward& a, const DeviceInfo& d) {
  return winograd_supports(a, d) && in_eights(a.d, a.d.C);
}
bool winograd_2x2_supports(const Conv2dBackwardInput& a, const DeviceInfo& d) {
  return winograd_supports(a, d) && in_eights(a.d, a.d.K);
}

bool winograd_pays(const Conv2dForward& a, const DeviceInfo&) { return pays_4x4(conv_of(a)); }
bool winograd_pays(const Conv2dBackwardInput& a, const DeviceInfo&) { return pays_4x4(conv_of(a)); }
bool winograd_2x2_pays(const Conv2dForward& a, const DeviceInfo& d) { return pays_2x2(conv_of(a), d); }
bool winograd_2x2_pays(const Conv2dBackwardInput& a, const DeviceInfo& d) { return pays_2x2(conv_of(a), d); }

void conv2d_forward_winograd(const Conv2dForward& a, Context& ctx) {
  run_winograd<Winograd4, float>(conv_of(a), kScratch4, ctx);
}
void conv2d_backward_input_winograd(const Conv2dBackwardInput& a, Context& ctx) {
  run_winograd<Winograd4, float>(conv_of(a), kScratch4, ctx);
}
void conv2d_forward_winograd_2x2(const Conv2dForward& a, Context& ctx) {
  run_winograd<Winograd2, __half>(conv_of(a), kScratch2, ctx);
}
void conv2d_backward_input_winograd_2x2(const Conv2dBackwardInput& a, Context& ctx) {
  run_winograd<Winograd2, __half>(conv_of(a), kScratch2, ctx);
}
void conv2d_forward_winograd_within(std::int64_t bytes, const Conv2dForward& a, Context& ctx) {
  if (a.dtype() == DType::f32)
    run_winograd<Winograd4, float>(conv_of(a), bytes, ctx);
  else
    run_winograd<Winograd2, __half>(conv_of(a), bytes, ctx);
}

}  // namespace sumi::cuda
