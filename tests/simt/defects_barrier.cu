// Barriers that are missing, misplaced or not met by all, and tiles that are read where they were not written.
#include "kernels/device/device.h"
#include "kernels/device/warp.h"
#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

enum class Gemm { right, no_barrier_after_load, no_barrier_before_load, stride, tail, swapped, overrun };
constexpr int kTile = 8;

/// c = a b for n x n matrices, by tiles of 8 x 8 in shared memory.
template <Gemm D>
__global__ void gemm(const float* a, const float* b, float* c, int n) {
  __shared__ float as[kTile][kTile + 1], bs[kTile][kTile];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * kTile + y, column = static_cast<int>(blockIdx.x) * kTile + x;
  const int limit = D == Gemm::tail ? n + 1 : n;
  float sum = 0;
  for (int k0 = 0; k0 < n; k0 += kTile) {
    as[y][x] = row < n && k0 + x < limit ? a[row * n + k0 + x] : 0;
    bs[y][x] = column < n && k0 + y < n ? b[(k0 + y) * n + column] : 0;
    if (D != Gemm::no_barrier_after_load) __syncthreads();
    for (int k = 0; k < kTile; k++) {
      const int at = D == Gemm::overrun ? k + 1 : k;
      const float left = D == Gemm::stride ? (&as[0][0])[y * kTile + k] : D == Gemm::swapped ? as[k][y] : as[y][k];
      sum += left * (D == Gemm::overrun ? (&bs[0][0])[at * kTile + x] : bs[k][x]);
    }
    if (D != Gemm::no_barrier_before_load) __syncthreads();
  }
  if (row < n && column < n) c[row * n + column] = sum;
}

template <Gemm D>
bool run_gemm(bool seeded) {
  constexpr std::size_t n = 19;
  std::vector<float> a(n * n), b(n * n), want(n * n);
  for (std::size_t i = 0; i < n * n; i++) {
    a[i] = static_cast<float>(i * 7 % 5) - 2;
    b[i] = static_cast<float>(i * 11 % 7) - 3;
  }
  for (std::size_t i = 0; i < n * n; i++)
    for (std::size_t k = 0; k < n; k++) want[i] += a[i / n * n + k] * b[k * n + i % n];
  const OnDevice<float> x(a), y(b), z(n * n);
  const Launch l{dim3(3, 3), dim3(kTile, kTile)};
  launch(seeded ? gemm<D> : gemm<Gemm::right>, l, x.get(), y.get(), z.get(), static_cast<int>(n));
  return z.read() == want;
}

enum class Blur { right, no_barrier, halo, halo_index, block_size, read_past, write_past, early_exit };

/// y[i] = x[i-1] + x[i] + x[i+1], zeros outside; a block's elements and two halos stand in shared memory.
template <Blur D>
__global__ void blur(const float* x, float* y, int n) {
  __shared__ float s[66];
  const int width = D == Blur::block_size ? 64 : static_cast<int>(blockDim.x);
  const int t = static_cast<int>(threadIdx.x), i = static_cast<int>(blockIdx.x) * static_cast<int>(blockDim.x) + t;
  if (D == Blur::early_exit && i >= n) return;
  s[t + 1] = i < n ? x[i] : 0;
  if (t == 0) s[0] = i > 0 ? x[i - 1] : 0;
  const int after = i + width - t;
  if (t == 0 && D != Blur::halo)
    s[width + (D == Blur::halo_index ? 0 : 1)] = after < n || D == Blur::read_past ? x[after] : 0;
  if (D != Blur::no_barrier) __syncthreads();
  const float sum = s[t] + s[t + 1] + (D == Blur::read_past && i + 1 >= n ? 0 : s[t + 2]);
  if (i < n || (D == Blur::write_past && i == n)) y[i] = sum;
}

template <Blur D>
bool run_blur(bool seeded) {
  const std::vector<float> x = counting(100);
  std::vector<float> want(100);
  for (std::size_t i = 0; i < 100; i++) want[i] = x[i] + (i > 0 ? x[i - 1] : 0) + (i < 99 ? x[i + 1] : 0);
  const OnDevice<float> in(x), out(100);
  const unsigned width = D == Blur::block_size ? 32 : 64;
  launch(seeded ? blur<D> : blur<Blur::right>, {(100 + width - 1) / width, width}, in.get(), out.get(), 100);
  return out.read() == want;
}

enum class Sum { right, reuse, divergent, other_barrier, one_warp, histogram };

/// Every thread gets the sum over the block of two arrays, by way of one shared array.
template <Sum D>
__global__ void two_sums(const float* x, const float* y, float* out) {
  __shared__ float s[4];
  __shared__ int count;
  const unsigned t = threadIdx.x;
  const auto sum = [&](float v) {
    v = warp_sum(v);
    if (t % 32 == 0) s[t / 32] = v;
    if (D == Sum::divergent) {
      if (t / 32 != 1) __syncthreads();
    } else if (D == Sum::other_barrier) {
      if (t / 32 == 1)
        __syncthreads();
      else
        __syncthreads();
    } else if (D == Sum::one_warp) {
      __syncwarp();
    } else {
      __syncthreads();
    }
    return s[0] + s[1] + s[2] + s[3];
  };
  const float first = sum(x[t]);
  if (D != Sum::reuse) __syncthreads();
  if (t == 0) count = 0;
  const float second = sum(y[t]);
  if (D == Sum::histogram)
    count = count + 1;
  else
    atomicAdd(&count, 1);
  __syncthreads();
  out[t] = first + 2 * second + static_cast<float>(count);
}

template <Sum D>
bool run_sums(bool seeded) {
  const OnDevice<float> x(counting(128)), y(counting(128, 5)), out(128);
  launch(seeded ? two_sums<D> : two_sums<Sum::right>, {1, 128}, x.get(), y.get(), out.get());
  return out.read() == std::vector<float>(128, 8256.f + 2 * 8768.f + 128);
}

enum class Ring { right, no_barrier, wrong_slot, few_slots };

/// Prefix sums of rows that pass through a ring of three slots; each step reads the slot of the step before.
template <Ring D>
__global__ void ring(const float* x, float* y, int steps) {
  __shared__ float slots[3][64];
  constexpr int kSlots = D == Ring::few_slots ? 1 : 3;
  const int t = static_cast<int>(threadIdx.x);
  float sum = 0;
  slots[0][t] = x[t];
  for (int s = 0; s < steps; s++) {
    if (D != Ring::no_barrier) __syncthreads();
    if (s + 1 < steps) slots[(s + 1) % kSlots][t] = x[(s + 1) * 64 + t];
    sum += slots[(D == Ring::wrong_slot ? s + 2 : s) % kSlots][63 - t];
  }
  y[t] = sum;
}

template <Ring D>
bool run_ring(bool seeded) {
  const OnDevice<float> x(counting(64 * 7)), y(64);
  launch(seeded ? ring<D> : ring<Ring::right>, {1, 64}, x.get(), y.get(), 7);
  std::vector<float> want(64);
  for (std::size_t i = 0; i < 64 * 7; i++) want[63 - i % 64] += static_cast<float>(i + 1);
  return y.read() == want;
}

}  // namespace

std::vector<Defect> barrier_defects() {
  return {
      {"gemm: no barrier after the tiles are loaded", run_gemm<Gemm::no_barrier_after_load>, everywhere},
      {"gemm: no barrier before the next tiles", run_gemm<Gemm::no_barrier_before_load>, everywhere},
      {"gemm: a tile read with another row stride", run_gemm<Gemm::stride>, everywhere},
      {"gemm: the last tile's columns reach past n", run_gemm<Gemm::tail>, race | sanitized},
      {"gemm: fragment with rows and columns swapped", run_gemm<Gemm::swapped>, everywhere},
      {"gemm: static shared overrun", run_gemm<Gemm::overrun>, everywhere},
      {"blur: no barrier", run_blur<Blur::no_barrier>, everywhere},
      {"blur: right halo not loaded", run_blur<Blur::halo>, everywhere},
      {"blur: right halo one element off", run_blur<Blur::halo_index>, everywhere},
      {"blur: takes blocks of 64 threads for granted", run_blur<Blur::block_size>, everywhere},
      {"blur: reads past the end, and drops it", run_blur<Blur::read_past>, race | sanitized},
      {"blur: writes one past the end", run_blur<Blur::write_past>, race | sanitized},
      {"blur: threads past the end leave before they fill the tile", run_blur<Blur::early_exit>, everywhere},
      {"sum: array used again without a barrier", run_sums<Sum::reuse>, everywhere},
      {"sum: barrier that one warp does not meet", run_sums<Sum::divergent>, everywhere},
      {"sum: two warps at different barriers", run_sums<Sum::other_barrier>, everywhere},
      {"sum: barrier of the warp instead of the block", run_sums<Sum::one_warp>, everywhere},
      {"sum: shared counter incremented without an atomic", run_sums<Sum::histogram>, race},
      {"ring: no barrier between steps", run_ring<Ring::no_barrier>, everywhere},
      {"ring: reads the slot that is next to be filled", run_ring<Ring::wrong_slot>, everywhere},
      {"ring: one slot where two steps overlap", run_ring<Ring::few_slots>, everywhere},
  };
}

}  // namespace sumi::test
