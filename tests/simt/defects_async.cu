// Asynchronous copies and tensor-core fragments.
#include "kernels/device/elements.h"
#include "kernels/device/hopper.h"
#include "kernels/device/intrin.h"
#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

enum class Ring { right, no_wait, one_group_too_few, not_committed, no_barrier, two_slots, late_barrier, wrong_slot };

/// Column sums of a matrix whose rows of 64 pass through a ring of three slots, filled two rows ahead.
template <Ring D>
__global__ void ring(const float* x, float* y, int rows) {
  __shared__ __align__(16) float slots[3][64];
  constexpr int kSlots = D == Ring::two_slots ? 2 : 3;
  const int t = static_cast<int>(threadIdx.x);
  const auto fetch = [&](int row) {
    if (row < rows && t < 16) copy_async<16>(&slots[row % kSlots][t * 4], x + row * 64 + t * 4, true);
    if (D != Ring::not_committed) commit_copies();
  };
  fetch(0);
  fetch(1);
  float sum = 0;
  for (int row = 0; row < rows; row++) {
    if (D == Ring::one_group_too_few)
      wait_for_copies<2>();
    else if (D != Ring::no_wait)
      wait_for_copies<1>();
    if (D != Ring::no_barrier && D != Ring::late_barrier) __syncthreads();
    fetch(row + 2);
    sum += slots[(D == Ring::wrong_slot ? row + 1 : row) % kSlots][63 - t];
    if (D == Ring::late_barrier) __syncthreads();
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

enum class Product { right, swapped_b, wrong_rows, half_of_k, misaligned, no_barrier, accumulator };

/// c = a b for a 16 x 16 and b 16 x 8, stored as b[n][k], by one warp.
template <Product D>
__global__ void product(const __half* a, const __half* b, float* c) {
  constexpr int kPitch = D == Product::misaligned ? 20 : 24;
  __shared__ __align__(16) __half as[16 * 24], bs[8 * 24];
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  for (int i = lane; i < 256; i += 32) as[i / 16 * kPitch + i % 16] = a[i];
  for (int i = lane; i < 128; i += 32) bs[i / 16 * kPitch + i % 16] = b[i];
  if (D != Product::no_barrier) __syncthreads();
  unsigned fa[4], fb[2];
  float d[4] = {};
  const int row = D == Product::wrong_rows ? lane / 16 * 8 + lane % 8 : lane % 16;
  const int column = D == Product::wrong_rows ? lane / 8 % 2 * 8 : lane / 16 * 8;
  load_matrices_x4(fa, as + row * kPitch + column);
  load_matrices_x2(fb, bs + lane % 8 * kPitch + (D == Product::half_of_k ? 0 : lane / 8 % 2 * 8));
  if (D == Product::swapped_b) {
    const unsigned first = fb[0];
    fb[0] = fb[1], fb[1] = first;
  }
  multiply_m16n8k16<__half>(d, fa, fb);
  for (int i = 0; i < 4; i++) {
    const int m = D == Product::accumulator ? g + i % 2 * 8 : g + i / 2 * 8;
    const int n = D == Product::accumulator ? 2 * q + i / 2 : 2 * q + i % 2;
    c[m * 8 + n] = d[i];
  }
}

template <Product D>
bool run_product(bool seeded) {
  std::vector<__half> a(256, __half(0.f)), b(128, __half(0.f));
  std::vector<float> want(128);
  const auto left = [](std::size_t i) { return static_cast<float>(i * 7 % 11) - 5; };
  const auto right = [](std::size_t i) { return static_cast<float>(i * 5 % 9) - 4; };
  for (std::size_t i = 0; i < 256; i++) a[i] = __float2half(left(i));
  for (std::size_t i = 0; i < 128; i++) b[i] = __float2half(right(i));
  for (std::size_t i = 0; i < 128; i++)
    for (std::size_t k = 0; k < 16; k++) want[i] += left(i / 8 * 16 + k) * right(i % 8 * 16 + k);
  const OnDevice<__half> x(a), y(b);
  const OnDevice<float> z(128);
  launch(seeded ? product<D> : product<Product::right>, {1, 32}, x.get(), y.get(), z.get());
  return z.read() == want;
}

enum class Pipe { right, no_wait, early_arrival, no_warp_barrier, other_phase, never_empty, count };

/// Row sums by two warps: the first brings rows, the second adds them, and phases of two barriers take turns.
template <Pipe D>
__global__ void pipe(const float* x, float* y, int rows) {
  __shared__ Mbarrier full, empty;
  __shared__ float row[32];
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (threadIdx.x == 0) {
    init_barrier(&full, D == Pipe::count ? 2 : 1);
    init_barrier(&empty, 32);
    fence_barriers();
  }
  __syncthreads();
  float sum = 0;
  for (int r = 0; r < rows; r++) {
    const auto phase = static_cast<unsigned>(r % 2);
    if (threadIdx.x < 32) {
      if (r > 0 && D != Pipe::never_empty) wait_for_phase(&empty, 1 - phase);
      if (D == Pipe::early_arrival && lane == 0) arrive(&full);
      row[lane] = x[r * 32 + lane];
      if (D != Pipe::no_warp_barrier) __syncwarp();
      if (D != Pipe::early_arrival && lane == 0) arrive(&full);
    } else {
      if (D != Pipe::no_wait) wait_for_phase(&full, D == Pipe::other_phase ? 1 - phase : phase);
      sum += row[31 - lane];
      arrive(&empty);
    }
  }
  if (threadIdx.x >= 32) y[lane] = sum;
}

template <Pipe D>
bool run_pipe(bool seeded) {
  const OnDevice<float> x(counting(160)), y(32);
  launch(seeded ? pipe<D> : pipe<Pipe::right>, {1, 64}, x.get(), y.get(), 5);
  std::vector<float> want(32);
  for (std::size_t i = 0; i < 160; i++) want[31 - i % 32] += static_cast<float>(i + 1);
  return y.read() == want;
}

/// Two rows, a phase for each, to which all threads arrive.
template <bool WaitsForSecond>
__global__ void relay(const float* x, float* y) {
  __shared__ Mbarrier stands;
  __shared__ float first[32], second[32];
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (threadIdx.x == 0) {
    init_barrier(&stands, 64);
    fence_barriers();
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    first[lane] = x[lane];
    arrive(&stands);
    wait_for_phase(&stands, 0);
    second[lane] = x[32 + lane];
    arrive(&stands);
  } else {
    arrive(&stands);
    wait_for_phase(&stands, 0);
    const float a = first[31 - lane];
    arrive(&stands);
    if (WaitsForSecond) wait_for_phase(&stands, 1);
    y[lane] = a - second[31 - lane];
  }
}

bool run_relay(bool seeded) {
  const OnDevice<float> x(counting(64)), y(32);
  launch(seeded ? relay<false> : relay<true>, {1, 64}, x.get(), y.get());
  return y.read() == std::vector<float>(32, -32);
}

}  // namespace

std::vector<Defect> async_defects() {
  return {
      {"copies: never waited for", run_ring<Ring::no_wait>, everywhere},
      {"copies: the wait leaves one group too many", run_ring<Ring::one_group_too_few>, everywhere},
      {"copies: groups never closed", run_ring<Ring::not_committed>, everywhere},
      {"copies: waited for without a barrier", run_ring<Ring::no_barrier>, everywhere},
      {"copies: barrier after the use", run_ring<Ring::late_barrier>, everywhere},
      {"copies: a ring of two slots for two rows ahead", run_ring<Ring::two_slots>, everywhere},
      {"copies: reads the next row's slot", run_ring<Ring::wrong_slot>, everywhere},
      {"pipe: the reader does not wait", run_pipe<Pipe::no_wait>, everywhere},
      {"pipe: arrival before the row stands", run_pipe<Pipe::early_arrival>, race},
      {"pipe: one lane arrives for a warp that has not met", run_pipe<Pipe::no_warp_barrier>, race},
      {"pipe: waits for the other phase", run_pipe<Pipe::other_phase>, everywhere},
      {"pipe: the row is overwritten before it is read", run_pipe<Pipe::never_empty>, everywhere},
      {"pipe: barrier initialised for two arrivals", run_pipe<Pipe::count>, everywhere},
      {"relay: the second row read after the first one's phase", run_relay, race},
      {"product: halves of b swapped", run_product<Product::swapped_b>, everywhere},
      {"product: matrices of a in another order", run_product<Product::wrong_rows>, everywhere},
      {"product: the first half of b twice", run_product<Product::half_of_k>, everywhere},
      {"product: rows not aligned to 16 bytes", run_product<Product::misaligned>, everywhere},
      {"product: tiles read before they stand", run_product<Product::no_barrier>, race},
      {"product: result's rows and columns mixed up", run_product<Product::accumulator>, everywhere},
  };
}

}  // namespace sumi::test
