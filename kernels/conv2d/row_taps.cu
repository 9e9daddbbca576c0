// Up to 4 output channels on tensor cores. K columns leave a product empty; a filter row's S taps make S K of them,
//   z[pixel][(s, k)] = sum over r, c of x[row + r][pixel][c] w[k][r][s][c],    y[q][k] = sum over s of z[q + s][(s, k)]
// (kn2row on one axis: Vasudevan et al. 2017, arXiv:1704.04428): 27 of 32 for 9 x 9 to 3 channels, 21 of 24 for 7 x 7.
// The input gradient of few input channels is the same over dy, with the taps backwards.
//
// A block walks down a strip of 64 pixels, 65 - S of which are outputs, 4 rows a step, and 32 channels at a time (16 of
// f32). R + 3 rows stand in a ring in shared memory; the next 4 are under way in registers while the products run. A
// warp makes 16 pixels of all 4 rows: a fragment of x is loaded once for the 4 rows that it meets, so that 16 products
// (12 for 24 columns) take 3 loads of matrices. A step of 9 x 9 and 32 channels takes about 1870 cycles of a
// multiprocessor for its products, 1560 for shared memory: 960 for fragments, 470 for z, whose pixels stand side by
// side, 130 for x. Of more channels, the sums of the first slices wait in shared memory.
//
// 9 x 9, 32 to 3 channels at 1024 x 1024 in bf16: reading x takes 20 us, the products 37 us with their padding (32 of
// 27 columns, 64 of 56 pixels) at 62 % of 989 TFLOP/s; 7 x 7, 64 to 3: 40 and 41 us. Expected 50 to 65 % of the latter.
// On ordinary cores they are 16.3 and 19.7 GFLOP: 490 and 590 us at half of 67 TFLOP/s (thin_out.cu).
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/row_taps_steps.h"
#include "kernels/conv2d/rows_cuda.h"

namespace sumi::cuda {
namespace {

template <class T, int F>
__global__ void __launch_bounds__(kThreads, 2) convolve_rows(const __grid_constant__ RowTaps<T> o) {
  const int slots = o.R + kRows - 1;
  T* ring = dyn_smem<T>();                                                            // (R + 3, 64, slice)
  T* filter = ring + slots * kWidth * kSlice<T>;                                      // (R, columns, slice)
  float* z = reinterpret_cast<float*>(filter + o.R * filter_columns(F) * kSlice<T>);  // (4, columns, 64)
  float* kept = z + kRows * 8 * F * kPitch;                                           // (rows, K, 64)
  const RowPlace at = place_of(o);
  const int end = at.p_end + o.R - 1;
  RowFeed<T> feed(o, at.n, at.q);
#pragma unroll 1
  for (int c0 = 0; c0 < o.image.C; c0 += kSlice<T>) {
    feed.c = c0 + feed.place();
    load_filter<T, F>(o, c0, filter);
#pragma unroll 1
    for (int i = 0; i < slots; i += kRows) feed.hold(at.p + i, end), feed.put(ring, i, slots - i);
    __syncthreads();
    int head = 0;
#pragma unroll 1
    for (int p = at.p; p < at.p_end; p += kRows) {
      feed.hold(p + slots, end);
      RowSums<T, F> sums;
      sums.add(ring, head, filter, o.R, o.image.C - c0 < kSlice<T> ? o.image.C - c0 : kSlice<T>);
      sums.store(z);
      __syncthreads();  // the first 4 rows have been used
      feed.put(ring, head, kRows);
      head = head + kRows < slots ? head + kRows : head + kRows - slots;
      add_taps<T, F>(o, at, p, z, kept, c0 == 0, c0 + kSlice<T> >= o.image.C);
      __syncthreads();
    }
  }
}

/// Fragments of 8 columns; the kernel has 2, 3 and 4.
int fragments_of(const TapConv& t) { return std::max(2, static_cast<int>((t.w.filter * t.K + 7) / 8)); }

/// In shared memory, of a row of kept sums, and of all else.
std::size_t row_bytes(const TapConv& t) { return static_cast<std::size_t>(t.K * kWidth) * sizeof(float); }
std::size_t least_bytes(const TapConv& t) {
  const auto R = static_cast<std::size_t>(t.h.filter), F = static_cast<std::size_t>(fragments_of(t));
  const std::size_t ring = (R + kRows - 1) * kWidth, filter = R * filter_columns(fragments_of(t));
  return (ring + filter) * kChunks * 16 + kRows * 8 * F * kPitch * sizeof(float);
}

/// The rows of a segment, those with which two blocks a multiprocessor are done first; a block's beginning costs as
/// much as R + 8 of them. Kept sums leave room for the second block on an H100.
template <class T>
int segment_rows(const RowTaps<T>& o, const TapConv& t, const DeviceInfo& device) {
  const std::int64_t wanted = 2 * std::max(device.multiprocessors, 1);
  const std::size_t room = std::min<std::size_t>(113 * 1024, device.shared_per_block), least = least_bytes(t);
  const auto most = o.slices() > 1 && room > least ? static_cast<int>((room - least) / row_bytes(t)) : o.P;
  const auto cost = [&](int rows) {
    const std::int64_t blocks = t.N * o.strips * ((o.P + rows - 1) / rows);
    return (blocks + wanted - 1) / wanted * (rows + o.R + 8);
  };
  int best = kRows;
  for (int rows = 2 * kRows; rows < o.P + kRows && rows <= most; rows += kRows)
    if (cost(rows) < cost(best)) best = rows;
  return best;
}

template <class T>
RowTaps<T> row_taps(const TapConv& t, const DeviceInfo& device) {
  const auto narrow = [](std::int64_t v) { return static_cast<int>(v); };
  RowTaps<T> o{.image = image_of<T>(t),
               .filter = thin_filter<T>(t),
               .R = narrow(t.h.filter),
               .S = narrow(t.w.filter),
               .top = first_position(t.h),
               .left = first_position(t.w),
               .P = narrow(t.h.out),
               .Q = narrow(t.w.out),
               .finish = finish_of<T>(t)};
  const int across = kWidth + 1 - o.S;
  o.strips = (o.Q + across - 1) / across;
  o.rows = segment_rows(o, t, device);
  o.segments = (o.P + o.rows - 1) / o.rows;
  return o;
}

template <class T>
void run_typed(const TapConv& t, Context& ctx) {
  const auto o = row_taps<T>(t, ctx.device());
  const std::size_t smem = least_bytes(t) + (o.slices() > 1 ? static_cast<std::size_t>(o.rows) * row_bytes(t) : 0);
  const Launch l{blocks_for(t.N * o.strips * o.segments, 1), kThreads, smem, ctx.stream()};
  switch (fragments_of(t)) {
    case 2:
      launch(convolve_rows<T, 2>, l, o);
      break;
    case 3:
      launch(convolve_rows<T, 3>, l, o);
      break;
    default:
      launch(convolve_rows<T, 4>, l, o);
  }
  store_moments(t.epilogue, t.y, t.N, t.h.out * t.w.out, t.K, ctx);
}

template <class Args>
bool fits(const Args& a, std::int64_t in, std::int64_t out, const DeviceInfo& device) {
  if (out > kMostThin || a.d.groups > 1 || !a.d.unit_stride() || !a.d.unit_dilation() || a.d.S * out > kMostColumns)
    return false;
  if (in % static_cast<std::int64_t>(16 / size_of(a.dtype())) != 0 || !indices_fit(a.d) || !is_loadable(a))
    return false;
  const TapConv t = taps_of(a);
  return tensor_cores_take(a.dtype(), device) && least_bytes(t) + kRows * row_bytes(t) <= device.shared_per_block;
}

/// A tap a row has nothing to share, and narrow images leave most of 64 pixels empty.
bool pays(std::int64_t S, std::int64_t Q) { return S > 1 && Q >= 8; }

}  // namespace

bool row_taps_supports(const Conv2dForward& a, const DeviceInfo& device) { return fits(a, a.d.C, a.d.K, device); }
bool row_taps_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) { return fits(a, a.d.K, a.d.C, device); }
bool row_taps_pays(const Conv2dForward& a, const DeviceInfo&) { return pays(a.d.S, a.d.Q()); }
bool row_taps_pays(const Conv2dBackwardInput& a, const DeviceInfo&) { return pays(a.d.S, a.d.W); }

void conv2d_forward_row_taps(const Conv2dForward& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run_typed<decltype(t)>(taps_of(a), ctx); });
}
void conv2d_backward_input_row_taps(const Conv2dBackwardInput& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run_typed<decltype(t)>(taps_of(a), ctx); });
}

}  // namespace sumi::cuda
