// Global memory between threads and blocks, and accesses where nothing is.
#include "kernels/device/elements.h"
#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

enum class Total { right, plain_sum, overlap, zeroed_by_one_block };

/// Partial sums of blocks in fixed slots, or added up at once.
template <Total D>
__global__ void total(const float* x, float* slots, float* sum, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (D == Total::zeroed_by_one_block && i == 0) *sum = 0;
  if (threadIdx.x == 0) {
    float s = 0;
    for (int k = i; k < n && k < i + static_cast<int>(blockDim.x); k++) s += x[k];
    slots[D == Total::overlap ? blockIdx.x / 2 : blockIdx.x] = s;
    if (D == Total::plain_sum)
      *sum = *sum + s;
    else
      atomicAdd(sum, s);
  }
}

template <bool Bad>
__global__ void add_slots(const float* slots, float* sum, int n) {
  float s = 0;
  for (int k = 0; k < n + Bad; k++) s += slots[k];
  *sum = Bad ? s - slots[n] : s;
}

template <Total D>
bool run_total(bool seeded) {
  const OnDevice<float> x(counting(256)), slots(std::vector<float>(8)), sum(std::vector<float>(1)), again(1);
  launch(seeded ? total<D> : total<Total::right>, {8, 32}, x.get(), slots.get(), sum.get(), 256);
  launch(add_slots<false>, {1, 1}, slots.get(), again.get(), 8);
  return sum.read()[0] == 32896 && again.read()[0] == 32896;
}

/// The slots' buffer is larger than what the blocks fill.
bool run_unwritten_scratch(bool seeded) {
  const OnDevice<float> x(counting(256)), slots(9), sum(std::vector<float>(1)), again(1);
  launch(total<Total::right>, {8, 32}, x.get(), slots.get(), sum.get(), 256);
  launch(seeded ? add_slots<true> : add_slots<false>, {1, 1}, slots.get(), again.get(), 8);
  return again.read()[0] == 32896;
}

enum class Shift { right, in_block, between_blocks, tail, stride };

/// y[i] = x[i + 1], and x[n - 1] at the end; in place for the wrong ones.
template <Shift D>
__global__ void shift(float* x, float* y, int n) {
  const int step = static_cast<int>(blockDim.x * gridDim.x) - (D == Shift::stride ? 1 : 0);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += step) {
    const int from = i + 1 < n + (D == Shift::tail ? 1 : 0) ? i + 1 : n - 1;
    const float v = x[from];
    (D == Shift::in_block || D == Shift::between_blocks ? x : y)[i] = v;
  }
}

template <Shift D>
bool run_shift(bool seeded) {
  std::vector<float> want = counting(128, 2);
  want.back() = 128;
  const OnDevice<float> x(counting(128)), y(128);
  const unsigned blocks = D == Shift::in_block ? 1 : 4;
  launch(seeded ? shift<D> : shift<Shift::right>, {blocks, 128 / blocks}, x.get(), y.get(), 128);
  const bool in_place = seeded && (D == Shift::in_block || D == Shift::between_blocks);
  return (in_place ? x : y).read() == want;
}

enum class Dynamic { right, overrun, little, overlap, uninitialised_tail };

/// Reverses rows of 48 by way of two arrays in dynamic shared memory.
template <Dynamic D>
__global__ void reverse(const float* x, float* y) {
  float* first = dyn_smem<float>();
  float* second = first + (D == Dynamic::overlap ? 40 : 48);
  const unsigned t = threadIdx.x;
  if (t < (D == Dynamic::uninitialised_tail ? 47 : 48)) first[t] = x[t];
  second[t] = x[48 + t];
  __syncthreads();
  y[t] = second[47 - t];
  y[48 + t] = first[47 - t];
  if (D == Dynamic::overrun && t == 47) second[48] = 1;
}

template <Dynamic D>
bool run_reverse(bool seeded) {
  std::vector<float> want = counting(96);
  std::reverse(want.begin(), want.end());
  const OnDevice<float> x(counting(96)), y(96);
  const std::size_t bytes = seeded && D == Dynamic::little ? 380 : 384;
  launch(seeded ? reverse<D> : reverse<Dynamic::right>, {1, 48, bytes}, x.get(), y.get());
  return y.read() == want;
}

template <int Offset>
__global__ void copy_vectors(const float* x, float* y, int n) {
  const int i = static_cast<int>(threadIdx.x) * 4;
  if (i + 4 <= n) store_vector(y + i, load_vector(x + Offset + i));
}

bool run_misaligned(bool seeded) {
  const OnDevice<float> x(counting(65)), y(64);
  launch(seeded ? copy_vectors<1> : copy_vectors<0>, {1, 16}, x.get(), y.get(), 64);
  return y.read() == counting(64, seeded ? 2 : 1);
}

/// n is no multiple of the vector, and the last vector is moved whole.
bool run_vector_tail(bool seeded) {
  const OnDevice<float> x(counting(62)), y(std::vector<float>(62));
  launch(copy_vectors<0>, {1, 16}, x.get(), y.get(), seeded ? 64 : 62);
  return y.read()[59] == 60;
}

template <bool Bad>
__global__ void maximum(const float* x, float* largest, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  if (Bad)
    *largest = x[i] > *largest ? x[i] : *largest;
  else
    atomicMax(largest, x[i]);
}

bool run_maximum(bool seeded) {
  const OnDevice<float> x(counting(64)), y(std::vector<float>(1));
  launch(seeded ? maximum<true> : maximum<false>, {2, 32}, x.get(), y.get(), 64);
  return y.read()[0] == 64;
}

template <bool Bad>
__global__ void transpose(const float* x, float* y) {
  __shared__ float tile[8][9];
  tile[threadIdx.y][threadIdx.x] = x[threadIdx.y * 8 + threadIdx.x];
  __syncthreads();
  y[Bad ? threadIdx.y * 8 + threadIdx.y : threadIdx.y * 8 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];
}

bool run_transpose(bool seeded) {
  const OnDevice<float> x(counting(64)), y(std::vector<float>(64));
  launch(seeded ? transpose<true> : transpose<false>, {1, dim3(8, 8)}, x.get(), y.get());
  return y.read()[1] == 9;
}

/// A kernel writes only what its grid covers.
bool run_short_grid(bool seeded) {
  const OnDevice<float> x(counting(64)), y(64);
  launch(copy_vectors<0>, {1, seeded ? 15u : 16u}, x.get(), y.get(), 64);
  return y.read() == counting(64);
}

}  // namespace

std::vector<Defect> memory_defects() {
  return {
      {"total: blocks add to one sum without an atomic", run_total<Total::plain_sum>, race},
      {"total: two blocks share a slot", run_total<Total::overlap>, everywhere},
      {"total: one block zeroes what all add to", run_total<Total::zeroed_by_one_block>, everywhere},
      {"total: reads a slot that no block fills, and takes it off again", run_unwritten_scratch, everywhere},
      {"shift: in place within a block", run_shift<Shift::in_block>, everywhere},
      {"shift: in place across blocks", run_shift<Shift::between_blocks>, everywhere},
      {"shift: tail predicate one off", run_shift<Shift::tail>, everywhere},
      {"shift: grid stride one short", run_shift<Shift::stride>, race},
      {"reverse: dynamic shared overrun", run_reverse<Dynamic::overrun>, race | sanitized},
      {"reverse: launched with too little shared memory", run_reverse<Dynamic::little>, race | sanitized},
      {"reverse: two arrays overlap", run_reverse<Dynamic::overlap>, everywhere},
      {"reverse: last element not initialised", run_reverse<Dynamic::uninitialised_tail>, everywhere},
      {"vectors: misaligned", run_misaligned, everywhere},
      {"vectors: last one reaches past the end", run_vector_tail, race | sanitized},
      {"maximum: compared and written without an atomic", run_maximum, race},
      {"transpose: a column of threads writes one element", run_transpose, everywhere},
      {"copy: grid does not reach the end", run_short_grid, everywhere},
  };
}

}  // namespace sumi::test
