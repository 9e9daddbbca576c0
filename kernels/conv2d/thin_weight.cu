// Gradients of filters with up to 4 input channels: for each channel m of dy and each element n of a window (r, s, c),
// the sum over pixels of dy[pixel][m] x[window n of the pixel]. As a product its k is all pixels, and 32 channels by
// 243 elements its result.
//
// A block sums 32 channels by 256 elements over tiles of 8 x 32 pixels. While one is multiplied the next is under way:
// dy's part by asynchronous copies to a second stage, the picture's in 16 registers a thread, all of its loads at once.
// The picture (thin_part.h) is split into planes, one for each channel (and each column of a stride), so that
// neighbouring pixels' elements are neighbours: on tensor cores a fragment's register is 4 bytes of them, 2 pixels in
// 16 bits. Where a window's element is an odd number of elements into its plane, the lane reads a copy that stands one
// element earlier. Planes and copies begin 11 and 5 banks after one another, which keeps the 8 elements that a warp
// reads at once apart. A warp takes 64 elements; where windows have fewer, the warps that are left over take other rows
// of pixels.
//
// 9 x 9, 3 channels, in 16 bits: 2 x 20 KiB of dy and 7.8 of the picture, two blocks a multiprocessor. A tile's
// products take 1660 cycles; loaded in between, in four rounds of latency of some 500 cycles, it took as long again, of
// which the other block hid all but 700: 4000 cycles for what are 3300 of products. In f32, 2 x 40 KiB and 7.6: one
// stage of dy where two blocks do not fit (163 KiB on an A100, 227 on an H100).
//
// Filters with up to 4 output channels are the same with the roles exchanged: dw[k][r][s][c] is the sum over x's pixels
// of x[pixel][c] dy[pixel - (r, s)][k], windows of dy with the taps backwards.
//
// 9 x 9, 3 to 32 channels at 1024 x 1024 in bf16: reading dy takes 20 us, the products (256 of 243 columns) 28 us at 62
// % of 989 TFLOP/s, shared memory as much. As an implicit product of 64 x 64 tiles half the rows were empty and each
// element of x cost 25 instructions: 260 us; with 3 of 64 rows, for few output channels, 900. f32 on ordinary cores:
// 243 us of arithmetic, and a 21st of it full with 3 of 64 rows: 5 ms.
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/thin_part.h"
#include "kernels/conv2d/weight_slots.h"
#include "kernels/device/raw.h"

namespace sumi::cuda {
namespace {

constexpr int kAcross = 32, kPixels = kThinRows * kAcross, kChannels = 32, kWarpElements = 64;
constexpr int kElements = kThinWarps * kWarpElements;

/// Of dy's part in shared memory, in elements: 8 pixels of 16 bytes, or 4 of 8 floats, in different banks.
constexpr int kPitch = kChannels + 8;

template <class T>
struct ThinWeight {
  ThinPart<T> part;
  const T* dy;
  int S, taps, elements, channels;  // of a window R S C; of dy
  int pitch, plane, shifted;        // elements to the next row, plane, copy
  int column_warps;                 // warps that windows take; the others share the rows of pixels
  int stages;                       // of dy in shared memory: 2, or 1
  bool exchanged;
  float* slots;  // of each block and share of rows: a dw
  std::int64_t slot;

  int row_shares() const { return kThinWarps / column_warps; }
  int planes() const { return part.image.C * part.stride_w; }
  /// The picture's column that element e < 2^15 of its row belongs to.
  __device__ int column_of(int e) const { return e * (65536 / part.image.C + 1) >> 16; }
  /// Where channel c of a column of the picture stands in its row.
  __device__ int place_of(int column, int c) const {
    const int step = column / part.stride_w;
    return (c * part.stride_w + column - step * part.stride_w) * plane + step;
  }
  /// Stores an element there, and in the copy; nothing precedes a row's first column.
  __device__ __forceinline__ void put(T* planes, int at, bool precedes, T value) const {
    planes[at] = value;
    if (shifted > 0 && precedes) planes[at + shifted - 1] = value;
  }
  /// Where window element n of the tile's first pixel stands.
  __device__ int offset(int n) const {
    if (n >= elements) return 0;
    const int C = part.image.C, tap = n / C, c = n - tap * C, r = tap / S, s = tap - r * S;
    const int at = place_of(s, c) + r * pitch;
    return kUnit<T> > 1 && s / part.stride_w % 2 != 0 ? at + shifted - 1 : at;
  }
  /// Where the sum of (m, n) stands in dw.
  __device__ std::int64_t place(int m, int n) const {
    if (!exchanged) return std::int64_t{m} * elements + n;
    const int C = part.image.C, tap = n / C;
    return (std::int64_t{n - tap * C} * taps + taps - 1 - tap) * channels + m;
  }
};

/// The tile's pixels of dy, 32 channels from m0 on; zeros outside.
template <class T>
__device__ __forceinline__ void copy_gradient(const ThinWeight<T>& o, const ThinTile& t, int m0, T* to) {
  constexpr int V = kVector<T>, kPerPixel = kChannels / V;
  [[maybe_unused]] constexpr int kAtOnce = V == 4 ? 4 : 2;  // more spill on sm_75
#pragma unroll kAtOnce
  for (int i = static_cast<int>(threadIdx.x); i < kPixels * kPerPixel; i += kThinThreads) {
    const int pixel = i / kPerPixel, m = i % kPerPixel * V, p = t.p + pixel / kAcross, q = t.q + pixel % kAcross;
    const bool there = p < o.part.P && q < o.part.Q && m0 + m < o.channels;
    const std::int64_t at = ((std::int64_t{t.n} * o.part.P + p) * o.part.Q + q) * o.channels + m0 + m;
    copy_async<16>(to + pixel * kPitch + m, there ? o.dy + at : o.dy, there);
  }
  commit_copies();
}

/// The picture under a tile: of its first 16 rows the first 128 elements, 16 a thread, are under way in registers while
/// the tile before is multiplied.
template <class T>
struct PictureFeed {
  static constexpr int kAcrossHeld = 4, kRowsHeld = 4;
  const ThinWeight<T>& o;
  Raw<T, 1> held[kRowsHeld][kAcrossHeld];

  __device__ static int row(int i) { return static_cast<int>(threadIdx.x / 32) + i * kThinWarps; }
  __device__ static int element(int j) { return static_cast<int>(threadIdx.x % 32) + j * 32; }

  __device__ explicit PictureFeed(const ThinWeight<T>& w) : o(w) {}
  __device__ __forceinline__ void hold(const ThinTile& t) {
    const Image<T>& image = o.part.image;
    const T* x = image.x + std::int64_t{t.n} * (image.H * image.W * image.C);
    const int h0 = t.p * o.part.stride_h - o.part.top, w0 = t.q * o.part.stride_w - o.part.left;
    int at[kAcrossHeld];
#pragma unroll
    for (int j = 0; j < kAcrossHeld; j++) {
      const int column = o.column_of(element(j)), w = w0 + column;
      const bool reached = column < o.part.columns && w < o.part.end_w;
      const int from = reached ? static_cast<int>(padded_index(w, image.W, image.mode)) : -1;
      at[j] = from < 0 ? -1 : (from - column) * image.C + element(j);
    }
#pragma unroll
    for (int i = 0; i < kRowsHeld; i++) {
      const int h = h0 + row(i);
      const bool reached = row(i) < o.part.rows && h < o.part.end_h;
      const int from = reached ? static_cast<int>(padded_index(h, image.H, image.mode)) : -1;
#pragma unroll
      for (int j = 0; j < kAcrossHeld; j++) {
        held[i][j] = {};
        if (from >= 0 && at[j] >= 0) held[i][j] = load_raw<T, 1>(x + (from * image.W * image.C + at[j]));
      }
    }
  }
  /// To the planes, with what was not held.
  __device__ __forceinline__ void put(const ThinTile& t, T* planes) const {
#pragma unroll
    for (int j = 0; j < kAcrossHeld; j++) {
      const int column = o.column_of(element(j)), at = o.place_of(column, element(j) - column * o.part.image.C);
#pragma unroll
      for (int i = 0; i < kRowsHeld; i++)
        if (row(i) < o.part.rows && column < o.part.columns)
          o.put(planes, at + row(i) * o.pitch, column >= o.part.stride_w, unpack<T, 1>(held[i][j]).v[0]);
    }
    o.part.load(
        t,
        [&](int row, int column, int c, T value) {
          if (column < o.part.columns)
            o.put(planes, o.place_of(column, c) + row * o.pitch, column >= o.part.stride_w, value);
        },
        32 * kAcrossHeld, kThinWarps * kRowsHeld);
  }
};

__device__ __forceinline__ int lane_of() { return static_cast<int>(threadIdx.x % 32); }

/// A warp's 32 x 64 sums on tensor cores.
template <class T>
struct ProductSums {
  float sums[2][8][4] = {};
  int offsets[8];

  __device__ ProductSums(const ThinWeight<T>& o, int n0) {
#pragma unroll
    for (int j = 0; j < 8; j++) offsets[j] = o.offset(n0 + j * 8 + lane_of() / 4) + lane_of() % 4 * kUnit<T>;
  }
  /// A row of pixels.
  __device__ __forceinline__ void add(const T* dy, const T* x) {
#pragma unroll
    for (int pixel = 0; pixel < kAcross; pixel += kDepth<T>) {
      unsigned a[2][4];
#pragma unroll
      for (int i = 0; i < 2; i++) load_channels(a[i], dy + pixel * kPitch + i * 16);
#pragma unroll
      for (int j = 0; j < 8; j++) {
        const T* at = x + offsets[j] + pixel;
        const unsigned b[2] = {fragment_unit(at), fragment_unit(at + 4 * kUnit<T>)};
#pragma unroll
        for (int i = 0; i < 2; i++) multiply<T>(sums[i][j], a[i], b);
      }
    }
  }
  __device__ static void load_channels(unsigned (&a)[4], const T* dy) {
    const int lane = lane_of();
    if constexpr (sizeof(T) == 2)
      load_matrices_x4_transposed(a, dy + (lane / 16 * 8 + lane % 8) * kPitch + lane / 8 % 2 * 8);
    else
#pragma unroll
      for (int k = 0; k < 4; k++) a[k] = fragment_unit(dy + (k / 2 * 4 + lane % 4) * kPitch + k % 2 * 8 + lane / 4);
  }
  /// Calls put(m, n, sum).
  template <class Put>
  __device__ __forceinline__ void for_each(Put put) const {
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
      for (int j = 0; j < 8; j++)
#pragma unroll
        for (int e = 0; e < 4; e++)
          put(i * 16 + e / 2 * 8 + lane_of() / 4, j * 8 + lane_of() % 4 * 2 + e % 2, sums[i][j][e]);
  }
};

/// The same on ordinary cores: 8 channels side by side and every 8th element a thread.
struct PlainSums {
  float sums[8][8] = {};
  int offsets[8];

  __device__ PlainSums(const ThinWeight<float>& o, int n0) {
#pragma unroll
    for (int j = 0; j < 8; j++) offsets[j] = o.offset(n0 + j * 8 + lane_of() % 8);
  }
  __device__ __forceinline__ void add(const float* dy, const float* x) {
    dy += lane_of() / 8 * 8;
#pragma unroll 2
    for (int pixel = 0; pixel < kAcross; pixel++) {
      const Vector<float> a[2] = {load_vector(dy + pixel * kPitch), load_vector(dy + pixel * kPitch + 4)};
#pragma unroll
      for (int j = 0; j < 8; j++) {
        const float b = x[offsets[j] + pixel];
#pragma unroll
        for (int i = 0; i < 8; i++) sums[i][j] = fmaf(a[i / 4].v[i % 4], b, sums[i][j]);
      }
    }
  }
  template <class Put>
  __device__ __forceinline__ void for_each(Put put) const {
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
      for (int j = 0; j < 8; j++) put(lane_of() / 8 * 8 + i, j * 8 + lane_of() % 8, sums[i][j]);
  }
};

template <class T, class Sums>
__global__ void __launch_bounds__(kThinThreads, sizeof(T) == 2 ? 3 : 2) weigh(const __grid_constant__ ThinWeight<T> o) {
  T* dy = dyn_smem<T>();  // (stages, 256, 32)
  T* x = dy + o.stages * kPixels * kPitch;
  const int warp = static_cast<int>(threadIdx.x / 32), share = warp / o.column_warps;
  const int shares = kThinWarps / o.column_warps, m0 = static_cast<int>(blockIdx.y) * kChannels;
  const int n0 = static_cast<int>(blockIdx.z) * kElements + warp % o.column_warps * kWarpElements;
  Sums sums(o, n0);
  PictureFeed<T> picture(o);
  int i = static_cast<int>(blockIdx.x), stage = 0;
  ThinTile t = o.part.tile(i);
  picture.hold(t);
  bool copied = false;
#pragma unroll 1
  while (true) {
    const T* now = dy + stage * kPixels * kPitch;
    if (!copied) copy_gradient(o, t, m0, dy);
    picture.put(t, x);
    wait_for_copies<0>();
    __syncthreads();
    i += static_cast<int>(gridDim.x);
    const bool more = i < o.part.tiles;
    if (more) {
      t = o.part.tile(i), copied = o.stages > 1;
      if (copied) stage ^= 1, copy_gradient(o, t, m0, dy + stage * kPixels * kPitch);
      picture.hold(t);
    }
    if (share < shares)
#pragma unroll 1
      for (int row = share; row < kThinRows; row += shares)
        sums.add(now + row * kAcross * kPitch, x + row * o.part.stride_h * o.pitch);
    if (!more) break;
    __syncthreads();
  }
  if (share >= shares) return;
  float* slot = o.slots + (std::int64_t{blockIdx.x} * shares + share) * o.slot;
  sums.for_each([&](int m, int n, float sum) {
    if (m0 + m < o.channels && n0 + n < o.elements) slot[o.place(m0 + m, n0 + n)] = sum;
  });
}

/// The next multiple of `unit` words that is `banks` after a multiple of 32; in elements.
template <class T>
int spaced(int elements, int banks) {
  const int words = (elements + kUnit<T> - 1) / kUnit<T>;
  return ((words - banks + 31) / 32 * 32 + banks) * kUnit<T>;
}

template <class T>
ThinWeight<T> thin_weight(const Conv2dBackwardWeight& a, bool exchanged) {
  const TapConv t = taps_of(a);
  ThinWeight<T> o{.part = thin_part<T>(t, kAcross),
                  .dy = a.dy.as<T>(),
                  .S = static_cast<int>(a.d.S),
                  .taps = static_cast<int>(a.d.R * a.d.S),
                  .elements = static_cast<int>(a.d.R * a.d.S * a.d.C),
                  .channels = static_cast<int>(a.d.K),
                  .stages = 1,
                  .exchanged = exchanged,
                  .slot = a.d.w_count()};
  const int stride = o.part.stride_w, units = kUnit<T>;
  o.pitch = ((o.part.columns + stride - 1) / stride + units - 1) / units * units;
  o.plane = spaced<T>(o.part.rows * o.pitch, 11);
  if (units > 1) o.shifted = spaced<T>(o.planes() * o.plane, 5);
  o.column_warps = std::min((o.elements + kWarpElements - 1) / kWarpElements, kThinWarps);
  return o;
}

template <class T>
std::size_t shared_bytes(const ThinWeight<T>& o) {
  return sizeof(T) * static_cast<std::size_t>(o.stages * kPixels * kPitch + o.shifted + o.planes() * o.plane);
}

/// A multiprocessor's shared memory is what one block can ask for and a reserved KiB; every block takes one too.
template <class T>
int stages_of(ThinWeight<T> o, const DeviceInfo& device) {
  constexpr std::size_t kReserved = 1024;
  o.stages = 2;
  return 2 * (shared_bytes(o) + kReserved) <= device.shared_per_block + kReserved ? 2 : 1;
}

/// The same sums with x's and dy's roles exchanged, for a convolution of stride 1 that pads with zeros.
Conv2dBackwardWeight exchanged(const Conv2dBackwardWeight& a) {
  Conv2dDims d = a.d;
  d.H = a.d.P(), d.W = a.d.Q(), d.C = a.d.K, d.K = a.d.C;
  const auto rest = [](std::int64_t taps, int pad) { return static_cast<int>(taps) - 1 - pad; };
  d.pad = {rest(d.R, a.d.pad.top), rest(d.R, a.d.pad.bottom), rest(d.S, a.d.pad.left), rest(d.S, a.d.pad.right)};
  d.pad_mode = PadMode::zero;
  return {.d = d, .x = a.dy, .dy = a.x, .dw = a.dw};
}

bool can_exchange(const Conv2dDims& d) {
  return d.unit_stride() && (d.pad_mode == PadMode::zero || d.pad == Pad4{}) &&
         std::max(d.pad.top, d.pad.bottom) < d.R && std::max(d.pad.left, d.pad.right) < d.S;
}

bool fits(const Conv2dBackwardWeight& a, bool tf32, const DeviceInfo& device) {
  const auto bytes = [&](auto t) { return shared_bytes(thin_weight<decltype(t)>(a, false)); };
  const auto chunk = static_cast<std::int64_t>(16 / size_of(a.dtype()));
  return is_thin(a.d, a.d.C) && a.d.K % chunk == 0 && a.dy.dtype == a.x.dtype &&
         has_products(a.dtype(), tf32, device) &&
         (a.dtype() == DType::f32 ? bytes(float{}) : bytes(__half{})) <= device.shared_per_block;
}

/// Two blocks a multiprocessor of an H100, of at least two tiles each; every block writes its 32 channels and 256
/// elements of a dw.
template <class T, class Sums>
void run_typed(const Conv2dBackwardWeight& a, bool exchanged, Context& ctx) {
  ThinWeight<T> o = thin_weight<T>(a, exchanged);
  o.stages = stages_of(o, ctx.device());
  const auto over = [](int n, int each) { return static_cast<unsigned>((n + each - 1) / each); };
  const unsigned across = over(o.channels, kChannels), along = over(o.elements, kElements);
  const unsigned most = std::max(static_cast<unsigned>(kBlocksWanted) / (across * along), 1u);
  const unsigned blocks = std::min(over(o.part.tiles, 2), most);
  const int splits = static_cast<int>(blocks) * o.row_shares();
  const Scratch slots = ctx.scratch(static_cast<std::size_t>(splits * o.slot) * sizeof(float));
  o.slots = slots.as<float>();
  launch(weigh<T, Sums>, {dim3(blocks, across, along), kThinThreads, shared_bytes(o), ctx.stream()}, o);
  add_weight_slots(a, slots, splits, ctx);
}

void run(const Conv2dBackwardWeight& a, bool exchanged, bool tf32, Context& ctx) {
  if (a.dtype() == DType::f16)
    run_typed<__half, ProductSums<__half>>(a, exchanged, ctx);
  else if (a.dtype() == DType::bf16)
    run_typed<__nv_bfloat16, ProductSums<__nv_bfloat16>>(a, exchanged, ctx);
  else if (tf32)
    run_typed<float, ProductSums<float>>(a, exchanged, ctx);
  else
    run_typed<float, PlainSums>(a, exchanged, ctx);
}

}  // namespace

bool thin_in_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) { return fits(a, false, device); }
bool thin_in_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) { return fits(a, true, device); }
bool thin_out_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) {
  return can_exchange(a.d) && fits(exchanged(a), false, device);
}
bool thin_out_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) {
  return can_exchange(a.d) && fits(exchanged(a), true, device);
}

void conv2d_backward_weight_thin_in(const Conv2dBackwardWeight& a, Context& ctx) {
  run(a, false, false, ctx);
  store_bias_gradient(a, ctx);
}
void conv2d_backward_weight_thin_in_tf32(const Conv2dBackwardWeight& a, Context& ctx) {
  run(a, false, true, ctx);
  store_bias_gradient(a, ctx);
}
void conv2d_backward_weight_thin_out(const Conv2dBackwardWeight& a, Context& ctx) {
  run(exchanged(a), true, false, ctx);
  store_bias_gradient(a, ctx);
}
void conv2d_backward_weight_thin_out_tf32(const Conv2dBackwardWeight& a, Context& ctx) {
  run(exchanged(a), true, true, ctx);
  store_bias_gradient(a, ctx);
}

}  // namespace sumi::cuda
