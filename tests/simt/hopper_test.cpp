// Hopper's copies and products against closed forms of the PTX ISA, and what misuse is called.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/device/runtime.h"
#include "kernels/device/wgmma.h"
#include "tests/simt/simt/memory.h"

namespace sumi::test {
namespace {

template <class T>
struct OnDevice {
  explicit OnDevice(std::size_t n) : data(static_cast<T*>(simt::arena().allocate(n * sizeof(T)))), count(n) {
    if (simt::observer()) simt::observer()->host_wrote(data, n * sizeof(T));
  }
  ~OnDevice() { simt::arena().release(data); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data;
  std::size_t count;
};

/// A kernel's store that the race checker sees; it does not see this file's own.
template <class T>
void put(T* p, T v) {
  simt::note_access(p, sizeof v, simt::Observer::Access::write, __builtin_return_address(0));
  *p = v;
}

float small(int i, int j) { return static_cast<float>((i * 5 + j * 3 + i * j) % 7 - 3); }

/// Rows x columns of T, element (i, j) = small(i, j), or its transpose.
template <class T>
void fill(OnDevice<T>& m, int rows, int columns, bool transposed) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const int at = transposed ? j * rows + i : i * columns + j;
      m.data[at] = T(small(i, j));
    }
}

CUtensorMap matrix(const void* data, DType t, int inner, int outer, int box_inner, int box_outer, Swizzle s) {
  const auto bytes = static_cast<std::int64_t>(size_of(t));
  return tensor_map(TiledTensor{.data = data,
                                .dtype = t,
                                .size = {inner, outer},
                                .stride = {0, inner * bytes},
                                .box = {box_inner, box_outer},
                                .swizzle = s});
}

std::string failure(auto launched) {
  try {
    launched();
    device::synchronize(nullptr);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

void expect_has(const std::string& text, const char* part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
}

// ---------------------------------------------------------------------------------------------- products

constexpr int kN = 256, kK = 128;  // the tile's right side at most, two steps of k

/// 64 x N sums of A (64 x 128) and B (128 x N) through tiles, in two groups; out row-major.
template <class T, int N, Major MA, Major MB>
void product(const CUtensorMap a, const CUtensorMap b, float* out) {
  char* left = dyn_smem<char>();  // two tiles of 64 rows, then two of N
  char* right = left + 2 * kTileBox;
  auto* full = reinterpret_cast<Mbarrier*>(right + 2 * N * kTileK * 2);
  if (threadIdx.x == 0) init_barrier(full, 1), fence_barriers();
  __syncthreads();
  if (threadIdx.x == 0) {
    arrive_expecting(full, 2 * (64 + N) * kTileK * 2);
    for (int s = 0; s < 2; s++) {
      if (MA == Major::k)
        load_box(left + s * kTileBox, &a, full, s * kTileK, 0);
      else
        load_box(left + s * kTileBox, &a, full, 0, s * kTileK);
      for (int i = 0; i < N / 64; i++)
        if (MB == Major::k)
          load_box(right + s * N * 128 + i * kTileBox, &b, full, s * kTileK, i * 64);
        else
          load_box(right + s * N * 128 + i * kTileBox, &b, full, i * 64, s * kTileK);
    }
  }
  wait_for_phase(full, 0);
  float d[N / 2];
  fence_products(d);
  for (int s = 0; s < 2; s++) {
    for (int k = 0; k < kTileK; k += 16)
      multiply_async<T, MA, MB>(d, tile_columns<MA>(left + s * kTileBox, 0, k),
                                tile_columns<MB>(right + s * N * 128, 0, k), s + k > 0);
    commit_products();
  }
  wait_for_products<1>(d);
  out[static_cast<int>(threadIdx.x)] = d[0];  // still in flight
  wait_for_products<0>(d);
  const int t = static_cast<int>(threadIdx.x), lane = t % 32;
  __syncthreads();
  for (int i = 0; i < N / 2; i++)
    out[128 + (t / 32 * 16 + lane / 4 + 8 * (i / 2 % 2)) * N + i / 4 * 8 + lane % 4 * 2 + i % 2] = d[i];
}

template <class T, int N, Major MA, Major MB>
void expect_product(DType t) {
  OnDevice<T> a(64 * kK), b(kK * N);
  OnDevice<float> out(128 + 64 * N);
  fill(a, 64, kK, MA == Major::mn);
  fill(b, kK, N, MB == Major::k);
  const CUtensorMap ma =
      matrix(a.data, t, MA == Major::k ? kK : 64, MA == Major::k ? 64 : kK, 64, 64, Swizzle::span128);
  const CUtensorMap mb = matrix(b.data, t, MB == Major::k ? kK : N, MB == Major::k ? N : kK, 64, 64, Swizzle::span128);
  launch(product<T, N, MA, MB>, {1, 128, 2 * (64 + N) * 128 + 64}, ma, mb, out.data);
  device::synchronize(nullptr);
  int wrong = 0;
  for (int m = 0; m < 64; m++)
    for (int n = 0; n < N; n++) {
      float sum = 0;
      for (int k = 0; k < kK; k++) sum += small(m, k) * small(k, n);
      wrong += out.data[128 + m * N + n] != sum;
    }
  EXPECT_EQ(wrong, 0) << N << " columns, majors " << static_cast<int>(MA) << static_cast<int>(MB);
  for (int i = 0; i < 128; i++) EXPECT_TRUE(std::isnan(out.data[i]));
}

TEST(Hopper, ProductsOfSwizzledTilesInAllMajors) {
  expect_product<__half, 64, Major::k, Major::k>(DType::f16);
  expect_product<__half, 128, Major::k, Major::mn>(DType::f16);
  expect_product<__nv_bfloat16, 256, Major::mn, Major::k>(DType::bf16);
  expect_product<__nv_bfloat16, 256, Major::k, Major::mn>(DType::bf16);
  expect_product<__nv_bfloat16, 64, Major::mn, Major::mn>(DType::bf16);
}

/// The bits that the PTX ISA gives a descriptor: start 1024 + 8 * 128, stride 1024, 128-byte swizzle. A block's rank in
/// its cluster, which its addresses have, is none of them.
void descriptors(std::uint64_t* out) {
  const char* s = dyn_smem<char>();
  if (threadIdx.x > 0) return;
  out[blockIdx.x * 2] = tile_columns<Major::k>(s, 8, 16);
  out[blockIdx.x * 2 + 1] = tile_columns<Major::mn>(s, 64, 16);
}

TEST(Hopper, DescriptorBits) {
  OnDevice<std::uint64_t> out(4);
  launch(descriptors, {2, 32, 1024, nullptr, 2}, out.data);
  device::synchronize(nullptr);
  for (int rank = 0; rank < 2; rank++) {
    EXPECT_EQ(out.data[rank * 2], 1ull << 62 | 64ull << 32 | 1ull << 16 | (1024 + 8 * 128 + 32) / 16);
    EXPECT_EQ(out.data[rank * 2 + 1], 1ull << 62 | 64ull << 32 | 512ull << 16 | (1024 + 8192 + 2048) / 16);
  }
}

// ---------------------------------------------------------------------------------------------- copies

/// One load, then shared memory as it is.
template <class Load>
void copied(const CUtensorMap map, Load load, int words, unsigned* out) {
  auto* tile = dyn_smem<unsigned>();
  auto* full = reinterpret_cast<Mbarrier*>(tile + words);
  if (threadIdx.x == 0) {
    init_barrier(full, 1);
    fence_barriers();
    arrive_expecting(full, static_cast<unsigned>(words) * 4);
    load(tile, &map, full);
  }
  __syncthreads();
  wait_for_phase(full, 0);
  for (int i = static_cast<int>(threadIdx.x); i < words; i += 32) out[i] = tile[i];
}

template <class Load>
std::vector<unsigned> load_once(const CUtensorMap& map, int words, Load load) {
  OnDevice<unsigned> out(static_cast<std::size_t>(words));
  launch(copied<Load>, {1, 32, static_cast<std::size_t>(words) * 4 + 64}, map, load, words, out.data);
  device::synchronize(nullptr);
  return {out.data, out.data + words};
}

/// Chunk c of row r stands at chunk c ^ (address bits 7 and up) of its row; element (y, x) of the 10 x 100 matrix holds
/// 1000 y + x, and what lies outside is 0.
TEST(Hopper, BoxesAreSwizzledAndFilledWithZeros) {
  OnDevice<unsigned> in(10 * 100);
  for (unsigned i = 0; i < 1000; i++) in.data[i] = i / 100 * 1000 + i % 100 + 1;
  for (const Swizzle s : {Swizzle::none, Swizzle::span32, Swizzle::span64, Swizzle::span128})
    for (const int x : {-4, 0, 7, 92})
      for (const int y : {-3, 0, 4}) {
        const int span = s == Swizzle::none ? 64 : span_of(s), width = span / 4;
        const auto got =
            load_once(matrix(in.data, DType::f32, 100, 10, width, 16, s), 16 * width,
                      [x, y](void* to, const CUtensorMap* map, Mbarrier* b) { load_box(to, map, b, x, y); });
        int wrong = 0;
        for (int r = 0; r < 16; r++)
          for (int c = 0; c < width; c++) {
            const int row = y + r, column = x + c;
            const bool there = row >= 0 && row < 10 && column >= 0 && column < 100;
            const int mask = s == Swizzle::none ? 0 : span / 16 - 1, chunk = c / 4 ^ (r * span / 128 & mask);
            const unsigned expected = there ? static_cast<unsigned>(row * 1000 + column + 1) : 0;
            wrong += got[static_cast<std::size_t>(r * width + chunk * 4 + c % 4)] != expected;
          }
        EXPECT_EQ(wrong, 0) << span << " bytes, from " << x << ' ' << y;
      }
}

TEST(Hopper, BoxesOfFourDimensions) {
  OnDevice<unsigned> in(5 * 4 * 3 * 8);
  for (unsigned i = 0; i < in.count; i++) in.data[i] = i + 1;
  const CUtensorMap map = tensor_map(
      TiledTensor{.data = in.data, .rank = 4, .size = {8, 3, 4, 5}, .stride = {0, 32, 96, 384}, .box = {4, 2, 3, 2}});
  const auto got =
      load_once(map, 48, [](void* to, const CUtensorMap* m, Mbarrier* b) { load_box(to, m, b, 4, 2, 1, 4); });
  for (unsigned i = 0; i < 48; i++) {
    const unsigned c0 = 4 + i % 4, c1 = 2 + i / 4 % 2, c2 = 1 + i / 8 % 3, c3 = 4 + i / 24;
    EXPECT_EQ(got[i], c1 < 3 && c3 < 5 ? ((c3 * 4 + c2) * 3 + c1) * 8 + c0 + 1 : 0) << i;
  }
}

/// One axis of a convolution: what is added before and behind, taps, stride.
struct Window {
  int before, behind, taps, stride;
  int outputs(int in) const { return (in + before + behind - taps) / stride + 1; }
};

/// The columns of a convolution: pixel number i of the outputs from (n, p, q) on, tap (r, s).
void expect_columns(const Window& vertical, const Window& horizontal) {
  constexpr int N = 3, H = 5, W = 6, C = 8;
  OnDevice<unsigned> in(N * H * W * C);
  for (unsigned i = 0; i < in.count; i++) in.data[i] = i + 1;
  const int P = vertical.outputs(H), Q = horizontal.outputs(W);
  const CUtensorMap map = tensor_map(Im2colTensor{.data = in.data,
                                                  .N = N,
                                                  .H = H,
                                                  .W = W,
                                                  .C = C,
                                                  .first_h = -vertical.before,
                                                  .first_w = -horizontal.before,
                                                  .last_h = vertical.behind - (vertical.taps - 1),
                                                  .last_w = horizontal.behind - (horizontal.taps - 1),
                                                  .stride_h = vertical.stride,
                                                  .stride_w = horizontal.stride,
                                                  .channels = 8,
                                                  .pixels = 32,
                                                  .swizzle = Swizzle::span32});
  for (const int start : {0, 4, P * Q * 2 + 1})
    for (int r = 0; r < vertical.taps; r++)
      for (int s = 0; s < horizontal.taps; s++) {
        const auto window_h = [&](int i) { return i / Q % P * vertical.stride - vertical.before; };
        const auto window_w = [&](int i) { return i % Q * horizontal.stride - horizontal.before; };
        const int n0 = start / (P * Q), h0 = window_h(start), w0 = window_w(start);
        const auto got = load_once(map, 32 * 8, [=](void* to, const CUtensorMap* m, Mbarrier* b) {
          load_pixels(to, m, b, 0, w0, h0, n0, static_cast<unsigned>(s), static_cast<unsigned>(r));
        });
        int wrong = 0;
        for (int i = 0; i < 32; i++) {
          const int n = (start + i) / (P * Q), h = window_h(start + i) + r, w = window_w(start + i) + s;
          const bool there = n < N && h >= 0 && h < H && w >= 0 && w < W;
          for (int c = 0; c < C; c++) {
            const auto expected = there ? static_cast<unsigned>(((n * H + h) * W + w) * C + c + 1) : 0;
            wrong += got[static_cast<std::size_t>(i * 8 + (c / 4 ^ (i / 4 % 2)) * 4 + c % 4)] != expected;
          }
        }
        EXPECT_EQ(wrong, 0) << P << " x " << Q << " outputs, pixel " << start << ", tap " << r << ' ' << s;
      }
}

TEST(Hopper, ColumnsOfPixelsAreThoseOfAConvolution) {
  const Window same{1, 1, 3, 1}, halved{1, 1, 3, 2};
  expect_columns(same, same);
  expect_columns(halved, halved);
}

/// Nothing in common, so that exchanged corners, strides or offsets are seen.
TEST(Hopper, ColumnsOfPixelsKeepTheirAxesApart) {
  const Window tall{2, 0, 3, 2}, wide{1, 3, 4, 1};
  expect_columns(tall, wide);
  expect_columns(wide, tall);
}

/// A tile of ordinary stores to the tensor; Fenced: as it should be.
template <bool Fenced>
void stored(const CUtensorMap map, const float*) {
  auto* tile = dyn_smem<float>();
  for (unsigned i = threadIdx.x; i < 256; i += 32) put(tile + i, static_cast<float>(i));
  if (Fenced) fence_async();
  sync_some(3, 32);
  if (threadIdx.x == 0) {
    store_box(&map, tile, 4, 30);
    commit_stores();
    wait_for_stores<0>();
  }
}

TEST(Hopper, StoresStayInsideTheTensor) {
  OnDevice<float> out(32 * 8);
  const CUtensorMap map = matrix(out.data, DType::f32, 8, 32, 8, 32, Swizzle::none);
  launch(stored<true>, {1, 32, 1024}, map, out.data);
  device::synchronize(nullptr);
  for (int i = 0; i < 256; i++) {
    const int y = i / 8 - 30, x = i % 8 - 4;
    if (y >= 0 && x >= 0)
      EXPECT_EQ(out.data[i], static_cast<float>(y * 8 + x));
    else
      EXPECT_TRUE(std::isnan(out.data[i]));
  }
  expect_has(failure([&] { launch(stored<false>, {1, 32, 1024}, map, out.data); }), "without fence_async()");
}

// ---------------------------------------------------------------------------------------------- misuse

enum class Slip { none, no_wait, few_bytes, many_bytes, wrong_parity, no_barrier_fence, misaligned, twice };

template <Slip S>
void load_with(const CUtensorMap map, float* out) {
  auto* tile = dyn_smem<float>();
  auto* full = reinterpret_cast<Mbarrier*>(tile + 64);
  if (threadIdx.x == 0) {
    init_barrier(full, 1);
    if (S != Slip::no_barrier_fence) fence_barriers();
    arrive_expecting(full, S == Slip::few_bytes ? 128 : S == Slip::many_bytes ? 512 : 256);
    load_box(tile + (S == Slip::misaligned ? 4 : 0), &map, full, 0, 0);
    if (S == Slip::twice) arrive(full);
  }
  __syncthreads();
  if (S != Slip::no_wait) wait_for_phase(full, 0);
  if (S == Slip::wrong_parity) wait_for_phase(full, 1);
  for (unsigned i = threadIdx.x; i < 64; i += 32) out[i] = tile[i];
}

template <Slip S>
std::string load_failure(OnDevice<float>& out) {
  OnDevice<float> in(64);
  for (int i = 0; i < 64; i++) in.data[i] = 1;
  return failure([&] {
    launch(load_with<S>, {1, 32, 1024}, matrix(in.data, DType::f32, 8, 8, 8, 8, Swizzle::none), out.data);
  });
}

TEST(Hopper, MisuseOfLoadsIsReported) {
  OnDevice<float> out(64);
  EXPECT_EQ(load_failure<Slip::none>(out), "");
  EXPECT_EQ(out.data[63], 1);
  EXPECT_EQ(load_failure<Slip::no_wait>(out), "");
  EXPECT_TRUE(std::isnan(out.data[63]));
  expect_has(load_failure<Slip::few_bytes>(out), "256 bytes are on their way, 128 are expected");
  expect_has(load_failure<Slip::many_bytes>(out), "deadlock");
  expect_has(load_failure<Slip::wrong_parity>(out), "deadlock");
  expect_has(load_failure<Slip::no_barrier_fence>(out), "not followed by fence_barriers()");
  expect_has(load_failure<Slip::misaligned>(out), "not aligned to 128 bytes");
  expect_has(load_failure<Slip::twice>(out), "more arrivals than its count of 1");
}

enum class Flaw { none, no_fence, no_async_fence, no_wait, touched, overwritten, three_warps };

/// 64 x 64 ones times ones by ordinary stores.
template <Flaw F>
void multiply_with(float* out) {
  auto* tile = dyn_smem<__half>();
  for (unsigned i = threadIdx.x; i < 2 * 64 * 64; i += 128) put(tile + i, __half(1.f));
  if (F != Flaw::no_async_fence) fence_async();
  __syncthreads();
  if (F == Flaw::three_warps && threadIdx.x >= 96) return;
  float d[32] = {};
  if (F != Flaw::no_fence) fence_products(d);
  multiply_async<__half, Major::k, Major::k>(d, tile_columns<Major::k>(tile, 0, 0),
                                             tile_columns<Major::k>(tile + 4096, 0, 0), true);
  commit_products();
  if (F == Flaw::touched) d[3] = 0;
  if (F == Flaw::overwritten) tile[threadIdx.x % 64 * 64 + threadIdx.x % 8 * 8] = __half(2.f);  // k = 0 of every row
  if (F != Flaw::no_wait) wait_for_products<0>(d);
  out[threadIdx.x] = d[31];
}

template <Flaw F>
std::string product_failure(OnDevice<float>& out) {
  return failure([&] { launch(multiply_with<F>, {1, 128, 16384}, out.data); });
}

TEST(Hopper, MisuseOfProductsIsReported) {
  OnDevice<float> out(128);
  EXPECT_EQ(product_failure<Flaw::none>(out), "");
  EXPECT_EQ(out.data[127], 16);
  expect_has(product_failure<Flaw::no_fence>(out), "touched after the last fence_products()");
  expect_has(product_failure<Flaw::no_async_fence>(out), "without fence_async()");
  expect_has(product_failure<Flaw::no_wait>(out), "before its warpgroup's products are done");
  expect_has(product_failure<Flaw::touched>(out), "were written while products worked on them");
  expect_has(product_failure<Flaw::overwritten>(out), "without fence_async()");
  expect_has(product_failure<Flaw::three_warps>(out), "deadlock");
}

// ---------------------------------------------------------------------------------------------- clusters

enum class Gap { none, no_start, no_end, absent_block, absent_destination, early_end };

/// Each block brings half of 64 values for both.
template <Gap G>
void share_halves(const CUtensorMap map, float* out) {
  auto* tile = dyn_smem<float>();
  auto* full = reinterpret_cast<Mbarrier*>(tile + 64);
  const unsigned rank = blockIdx.x % 2;
  if (threadIdx.x == 0) init_barrier(full, 1), init_barrier(full + 1, 2), fence_barriers();
  if (G == Gap::no_start)
    __syncthreads();
  else
    wait_for_cluster();
  if (threadIdx.x == 0) {
    arrive_expecting(full, 256);
    load_box_to_blocks(G == Gap::absent_destination ? 7 : 3, tile + 32 * rank, &map, full, 0, static_cast<int>(rank),
                       0);
  }
  if (G == Gap::early_end && rank == 1) return;
  wait_for_phase(full, 0);
  out[blockIdx.x * 32 + threadIdx.x] = tile[threadIdx.x] + 100 * tile[32 + threadIdx.x];
  if (threadIdx.x == 0) arrive_at_block(full + 1, G == Gap::absent_block ? 2 : rank ^ 1u);
  if (G != Gap::no_end) wait_for_cluster();
}

template <Gap G>
std::string sharing_failure(OnDevice<float>& out) {
  OnDevice<float> in(64);
  for (unsigned i = 0; i < 64; i++) in.data[i] = static_cast<float>(i);
  const CUtensorMap map = tensor_map(
      TiledTensor{.data = in.data, .rank = 3, .size = {32, 2, 1}, .stride = {0, 128, 256}, .box = {32, 1, 1}});
  return failure([&] { launch(share_halves<G>, {2, 32, 1024, nullptr, 2}, map, out.data); });
}

TEST(Hopper, BlocksOfAClusterShareTheirLoads) {
  OnDevice<float> out(64);
  for (const simt::Order order : {simt::Order::reverse, simt::Order::random, simt::Order::forward}) {
    simt::options().order = order;
    EXPECT_EQ(sharing_failure<Gap::none>(out), "");
    for (int i = 0; i < 64; i++) EXPECT_EQ(out.data[i], static_cast<float>(i % 32 + 100 * (32 + i % 32)));
  }
  expect_has(sharing_failure<Gap::no_start>(out), "block 1 of the cluster has not initialised it");
  expect_has(sharing_failure<Gap::no_end>(out), "of the cluster has ended");
  expect_has(sharing_failure<Gap::absent_block>(out), "the cluster has no block 2");
  expect_has(sharing_failure<Gap::absent_destination>(out), "to blocks that the cluster has not");
  expect_has(sharing_failure<Gap::early_end>(out), "ends while a tensor load is on its way to it");
}

void with_static_memory(float* out) {
  __shared__ float s[32];
  put(s + threadIdx.x, 1.f);
  out[threadIdx.x] = s[threadIdx.x];
}

TEST(Hopper, LimitsOfClusters) {
  OnDevice<float> out(64);
  const auto launched = [&](void (*kernel)(float*), const Launch& l) {
    return failure([&] { launch(kernel, l, out.data); });
  };
  const auto nothing = [](float*) {};
  EXPECT_EQ(launched(nothing, {4, 32, 0, nullptr, 2}), "");
  expect_has(launched(nothing, {3, 32, 0, nullptr, 2}), "no multiple of its clusters");
  expect_has(launched(nothing, {3, 32, 0, nullptr, 3}), "clusters of 1 or 2 blocks");
  expect_has(launched(nothing, {2, 33, 0, nullptr, 2}), "are not emulated");
  expect_has(launched(nothing, {2, 1024, 0, nullptr, 2}), "are not emulated");
  expect_has(launched(with_static_memory, {2, 32, 0, nullptr, 2}), "static shared variables in a cluster");
  simt::options().compute_capability = 80;
  expect_has(launched(nothing, {4, 32, 0, nullptr, 2}), "clusters want sm_90");
  simt::options().compute_capability = 90;
}

TEST(Hopper, LimitsOfTensorMaps) {
  OnDevice<float> in(4096);
  const auto box = [&](TiledTensor t) {
    t.data = t.data ? t.data : in.data;
    return failure([&] { tensor_map(t); });
  };
  EXPECT_EQ(box({.size = {64, 64}, .stride = {0, 256}, .box = {32, 64}, .swizzle = Swizzle::span128}), "");
  expect_has(box({.data = in.data + 1, .size = {64, 32}, .stride = {0, 256}, .box = {4, 4}}), "multiple of 16 bytes");
  expect_has(box({.size = {61, 64}, .stride = {0, 244}, .box = {4, 4}}), "strides that are multiples of 16");
  expect_has(box({.size = {64, 64}, .stride = {0, 256}, .box = {3, 4}}), "multiples of 16 bytes, got 12");
  expect_has(box({.size = {64, 64}, .stride = {0, 256}, .box = {4, 257}}), "box of 1 to 256");
  expect_has(box({.size = {64, 64}, .stride = {0, 256}, .box = {16, 4}, .swizzle = Swizzle::span128}),
             "128 bytes, the swizzle's");
  expect_has(box({.size = {0, 64}, .stride = {0, 256}, .box = {4, 4}}), "1 to 2^32 elements");
  expect_has(box({.size = {64, 65}, .stride = {0, 256}, .box = {4, 4}}), "leaves its allocation");
  const auto columns = [&](Im2colTensor t) {
    t.data = in.data;
    t.H = t.W = 16, t.C = 8;
    return failure([&] { tensor_map(t); });
  };
  EXPECT_EQ(columns({.channels = 8, .pixels = 128}), "");
  expect_has(columns({.first_h = -129, .channels = 8}), "corners from -128 to 127");
  expect_has(columns({.last_h = -16, .channels = 8}), "no pixels");
  expect_has(columns({.stride_w = 9, .channels = 8}), "strides 1 to 8");
  expect_has(columns({.channels = 8, .pixels = 1025}), "1 to 1024 pixels");
}

}  // namespace
}  // namespace sumi::test
