// A matrix product on tensor cores, for any operands that come in 16-byte chunks (plain matrices, images read as the
// rows of a convolution), with f32 sums: of 16-bit elements, or of f32 ones that are rounded to tf32 on their way to
// the products.
//
// A block makes 128 x 128 (or 64 x 64) results, 64 bytes of k at a time (32 columns of 16 bits, 16 of f32), from a ring
// of four stages in shared memory: 16 KiB a stage, filled by asynchronous copies three stages ahead. Each warp owns
// 64 x 32 (32 x 32) results in registers. Chunks are swizzled so that the eight rows that ldmatrix reads at once stand
// in different banks; operands whose contiguous direction is not k are transposed by ldmatrix on the way. Per stage and
// block 2 * 128 * 128 * 32 = 1.05 MFLOP against 16 KiB read: 64 FLOP a byte from L2; 32 in tf32, whose products take
// twice as long.
//
// f32: ldmatrix moves 16-bit elements; for it a row of 4 f32 is one of 8, and lane 4g + q gets both halves of element q
// of row g, which is where a tf32 fragment wants it. Only the transposing form would tear halves apart: there each lane
// loads its elements one by one, 4 lines of 8 neighbours a warp, which a swizzle of its own keeps in 32 banks.
//
// `Staged` is the same with loads through registers, two stages: for what a copy cannot do, namely a map applied at
// load and rows that are not whole chunks.
#pragma once
#include "kernels/device/intrin.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// A block's results, a warp's share of them, and columns of k a stage.
template <int M_, int N_, int WarpM_, int WarpN_, int K_>
struct MmaShape {
  static constexpr int M = M_, N = N_, K = K_, WarpM = WarpM_, WarpN = WarpN_;
  static constexpr int warps_n = N / WarpN, threads = M / WarpM * warps_n * 32;
  static constexpr int kStages = 4;
  static constexpr std::size_t stage_elements = (M + N) * K, stage_bytes = (M + N) * 64;
  static constexpr std::size_t smem(bool staged = false) {
    const std::size_t ring = (staged ? 2 : kStages) * stage_bytes, results = std::size_t{M} * TileLine<N>::kPitch * 4;
    return ring > results ? ring : results;
  }
};
/// For elements of 16 bits, and for f32.
using LargeMma = MmaShape<128, 128, 64, 32, 32>;
using SmallMma = MmaShape<64, 64, 32, 32, 32>;
using LargeTf32 = MmaShape<128, 128, 64, 32, 16>;
using SmallTf32 = MmaShape<64, 64, 32, 32, 16>;

/// Where chunks of an operand's tile stand in shared memory.
template <class T, Run R, int Rows, int K>
struct SwizzledTile {
  static constexpr int V = kVector<T>;
  static_assert(K * sizeof(T) == 64 && Rows % 64 == 0);
  /// In elements; `place` is a multiple of V. Lines are 64 bytes (along k: two in 32 banks) or a multiple of 128.
  __device__ static int at(int line, int place) {
    if constexpr (R == Run::along_k)
      return line * K + ((place / V) ^ (line >> 1 & 3)) * V;
    else if constexpr (sizeof(T) == 2)
      return line * Rows + ((place / V) ^ (line & 7)) * V;
    else
      return line * Rows + ((place / V) ^ (line & 3) * 2) * V;
  }
  /// Any place.
  __device__ static int element(int line, int place) { return at(line, place / V * V) + place % V; }
};

/// Columns of k in one product: 32 bytes.
template <class T>
inline constexpr int kDepth = static_cast<int>(32 / sizeof(T));

/// f32 elements, rounded to what the products take.
template <class T>
__device__ __forceinline__ void round_fragment(unsigned (&r)[4]) {
  if constexpr (sizeof(T) == 4)
#pragma unroll
    for (unsigned& v : r) v = to_tf32(__uint_as_float(v));
}

/// The 16 x kDepth fragment of the left operand at (row, k).
template <Run R, int Rows, int K, class T>
__device__ __forceinline__ void load_left(unsigned (&a)[4], const T* tile, int row, int k) {
  using S = SwizzledTile<T, R, Rows, K>;
  constexpr int V = kVector<T>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (R == Run::along_k)
    load_matrices_x4(a, tile + S::at(row + lane % 16, k + lane / 16 * V));
  else if constexpr (sizeof(T) == 2)
    load_matrices_x4_transposed(a, tile + S::at(k + lane / 16 * 8 + lane % 8, row + lane / 8 % 2 * 8));
  else
#pragma unroll
    for (int i = 0; i < 4; i++)
      a[i] = __float_as_uint(tile[S::element(k + i / 2 * 4 + lane % 4, row + i % 2 * 8 + lane / 4)]);
  round_fragment<T>(a);
}

/// Two kDepth x 8 fragments of the right operand: columns n to n + 7 and n + 8 to n + 15.
template <Run R, int Rows, int K, class T>
__device__ __forceinline__ void load_right(unsigned (&b)[4], const T* tile, int n, int k) {
  using S = SwizzledTile<T, R, Rows, K>;
  constexpr int V = kVector<T>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (R == Run::along_k)
    load_matrices_x4(b, tile + S::at(n + lane / 16 * 8 + lane % 8, k + lane / 8 % 2 * V));
  else if constexpr (sizeof(T) == 2)
    load_matrices_x4_transposed(b, tile + S::at(k + lane / 8 % 2 * 8 + lane % 8, n + lane / 16 * 8));
  else
#pragma unroll
    for (int i = 0; i < 4; i++)
      b[i] = __float_as_uint(tile[S::element(k + i % 2 * 4 + lane % 4, n + i / 2 * 8 + lane / 4)]);
  round_fragment<T>(b);
}

/// d += A B of fragments.
template <class T>
__device__ __forceinline__ void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (sizeof(T) == 4)
    multiply_m16n8k8_tf32(d, a, b);
  else
    multiply_m16n8k16<T>(d, a, b);
}

/// One warp's results.
template <class Shape>
struct WarpTile {
  static constexpr int kRows = Shape::WarpM / 16, kColumns = Shape::WarpN / 8;
  float sums[kRows][kColumns][4] = {};
  __device__ static int row() { return static_cast<int>(threadIdx.x / 32) / Shape::warps_n * Shape::WarpM; }
  __device__ static int column() { return static_cast<int>(threadIdx.x / 32) % Shape::warps_n * Shape::WarpN; }

  /// += the products of one stage.
  template <class T, Run RA, Run RB>
  __device__ __forceinline__ void add(const T* left, const T* right) {
#pragma unroll
    for (int k = 0; k < Shape::K; k += kDepth<T>) {
      unsigned a[kRows][4], b[kColumns / 2][4];
#pragma unroll
      for (int i = 0; i < kRows; i++) load_left<RA, Shape::M, Shape::K>(a[i], left, row() + i * 16, k);
#pragma unroll
      for (int j = 0; j < kColumns / 2; j++) load_right<RB, Shape::N, Shape::K>(b[j], right, column() + j * 16, k);
#pragma unroll
      for (int i = 0; i < kRows; i++)
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
          const unsigned pair[2] = {b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]};
          multiply<T>(sums[i][j], a[i], pair);
        }
    }
  }
  __device__ __forceinline__ void to_shared(float* tile) const {
    using Line = TileLine<Shape::N>;
    const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
    for (int i = 0; i < kRows; i++)
#pragma unroll
      for (int j = 0; j < kColumns; j++)
#pragma unroll
        for (int h = 0; h < 2; h++)
          store_vector(
              tile + (row() + i * 16 + h * 8 + lane / 4) * Line::kPitch + Line::place(column() + j * 8 + lane % 4 * 2),
              Vector<float, 2>{{sums[i][j][h * 2], sums[i][j][h * 2 + 1]}});
  }
};

/// One operand's share of a stage: the thread's chunks to their swizzled places.
template <class Operand, class T, int Rows, int K, int Threads>
struct Feed {
  using C = Chunks<T, Operand::run, Rows, K, Threads>;
  using S = SwizzledTile<T, Operand::run, Rows, K>;
  typename Operand::template Cursor<C> cursor;
  Raw<T> held[C::slots];

  __device__ Feed(const Operand& o, int row, int k, int k_end) : cursor(o, row, k, k_end) {}
  __device__ __forceinline__ void copy(T* tile) {
#pragma unroll
    for (int i = 0; i < C::slots; i++) {
      const T* from;
      const bool there = cursor.chunk(i, from);
      copy_async<16>(tile + S::at(C::line(i), C::place()), from, there);
    }
    cursor.advance();
  }
  __device__ __forceinline__ void hold() {
#pragma unroll
    for (int i = 0; i < C::slots; i++) held[i] = cursor.gather(i);
  }
  __device__ __forceinline__ void put(T* tile) {
    cursor.map(held);
    cursor.advance();
#pragma unroll
    for (int i = 0; i < C::slots; i++) store_vector(tile + S::at(C::line(i), C::place()), unpack<T>(held[i]));
  }
};

namespace {

/// Blocks that a multiprocessor holds at least, for registers: 0 leaves it to the compiler, which on Turing spills up to
/// 16 bytes in two kernels then.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int kLeastBlocks = 1;
#else
constexpr int kLeastBlocks = 0;
#endif

/// Problem: its operands' types A and B, `grid`, `finish`, part(product) with a, b, M, K and row_of(m); perhaps `sums`,
/// and of the part pixels() and `phase`.
template <class Problem, class Shape, bool Staged>
__global__ void __launch_bounds__(Shape::threads, kLeastBlocks) multiply_mma(const __grid_constant__ Problem problem) {
  using T = typename Problem::Element;
  constexpr Run RA = Problem::A::run, RB = Problem::B::run;
  const TileGrid::Place place = problem.grid.place(blockIdx.x);
  const auto part = problem.part(place.product);
  const int m0 = place.m * Shape::M, n0 = place.n * Shape::N;
  if (m0 >= part.M) return;
  const int k = place.split * problem.grid.k_per_split, share = part.K - k;
  const int k_end = k + (share < problem.grid.k_per_split ? share : problem.grid.k_per_split);
  const int steps = k_end > k ? (k_end - k + Shape::K - 1) / Shape::K : 0;

  Feed<typename Problem::A, T, Shape::M, Shape::K, Shape::threads> a(part.a, m0, k, k_end);
  Feed<typename Problem::B, T, Shape::N, Shape::K, Shape::threads> b(part.b, n0, k, k_end);
  T* ring = dyn_smem<T>();  // stages of (A tile, B tile)
  constexpr int kStage = static_cast<int>(Shape::stage_elements), kB = Shape::M * Shape::K;
  WarpTile<Shape> tile;
  if constexpr (Staged) {
    if (steps > 0) a.hold(), b.hold(), a.put(ring), b.put(ring + kB);
    __syncthreads();
    for (int i = 0; i < steps; i++) {
      const T* now = ring + i % 2 * kStage;
      T* next = ring + (i + 1) % 2 * kStage;
      if (i + 1 < steps) a.hold(), b.hold();
      tile.template add<T, RA, RB>(now, now + kB);
      if (i + 1 < steps) a.put(next), b.put(next + kB);
      __syncthreads();
    }
  } else {
    constexpr int kAhead = Shape::kStages - 1;
    for (int i = 0; i < kAhead; i++) {
      if (i < steps) a.copy(ring + i * kStage), b.copy(ring + i * kStage + kB);
      commit_copies();
    }
    for (int i = 0; i < steps; i++) {
      wait_for_copies<kAhead - 1>();
      __syncthreads();  // stage i is there for all; all are done with stage i - 1, which is filled next
      T* next = ring + (i + kAhead) % Shape::kStages * kStage;
      if (i + kAhead < steps) a.copy(next), b.copy(next + kB);
      commit_copies();
      const T* now = ring + i % Shape::kStages * kStage;
      tile.template add<T, RA, RB>(now, now + kB);
    }
    __syncthreads();  // step i waited for its copies, and the groups after the last step are empty
  }
  float* results = dyn_smem<float>();
  tile.to_shared(results);
  __syncthreads();
  store_tile<Shape>(problem, part, place, results);
  sum_tile<Shape>(problem, results, [&] {
    if constexpr (RB == Run::along_k)
      return place;
    else  // the steps of a transpose leave no registers for it
      return place_again(problem);
  });
}

}  // namespace

template <class Shape, bool Staged, class Problem>
void launch_mma(const Problem& p, Stream stream) {
  launch(multiply_mma<Problem, Shape, Staged>, {p.grid.blocks(), Shape::threads, Shape::smem(Staged), stream}, p);
}

}  // namespace sumi::cuda
