// A matrix product on tensor cores, for any operands that come in 16-byte chunks (plain matrices, images read as the
// rows of a convolution): 16-bit elements, f32 sums.
//
// A block makes 128 x 128 (or 64 x 64) results, 32 columns of k at a time, from a ring of four stages in shared memory:
// 16 KiB a stage, filled by asynchronous copies three stages ahead. Each warp owns 64 x 32 (32 x 32) results in
// registers. Chunks are swizzled so that the eight rows that ldmatrix reads at once stand in different banks; operands
// whose contiguous direction is not k are transposed by ldmatrix on the way. Per stage and block 2 * 128 * 128 * 32 =
// 1.05 MFLOP against 16 KiB read: 64 FLOP a byte from L2.
//
// `Staged` is the same with loads through registers, two stages: for what a copy cannot do, namely a map applied at
// load and rows that are not whole chunks.
#pragma once
#include "kernels/device/intrin.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// A block's results and a warp's share of them.
template <int M_, int N_, int WarpM_, int WarpN_>
struct MmaShape {
  static constexpr int M = M_, N = N_, K = 32, WarpM = WarpM_, WarpN = WarpN_;
  static constexpr int warps_n = N / WarpN, threads = M / WarpM * warps_n * 32;
  static constexpr int kStages = 4, kPitch = N + 8;  // of the f32 tile: 8 rows of float2 hit 32 different banks
  static constexpr std::size_t stage_elements = (M + N) * K;
  static constexpr std::size_t smem(bool staged) {
    const std::size_t ring = (staged ? 2 : kStages) * stage_elements * 2, results = std::size_t{M} * kPitch * 4;
    return ring > results ? ring : results;
  }
};
using LargeMma = MmaShape<128, 128, 64, 32>;
using SmallMma = MmaShape<64, 64, 32, 32>;

/// Where chunks of an operand's tile stand in shared memory.
template <Run R, int Rows, int K>
struct SwizzledTile {
  static constexpr int count = Rows * K;
  /// In elements; `place` is a multiple of 8. Lines are 64 bytes (along k: two in 32 banks) or a multiple of 128.
  __device__ static int at(int line, int place) {
    static_assert(K == 32 && Rows % 64 == 0);
    if constexpr (R == Run::along_k)
      return line * K + ((place / 8) ^ (line >> 1 & 3)) * 8;
    else
      return line * Rows + ((place / 8) ^ (line & 7)) * 8;
  }
};

/// The 16 x 16 fragment of the left operand at (row, k).
template <Run R, int Rows, int K, class T>
__device__ __forceinline__ void load_left(unsigned (&a)[4], const T* tile, int row, int k) {
  using S = SwizzledTile<R, Rows, K>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (R == Run::along_k)
    load_matrices_x4(a, tile + S::at(row + lane % 16, k + lane / 16 * 8));
  else
    load_matrices_x4_transposed(a, tile + S::at(k + lane / 16 * 8 + lane % 8, row + lane / 8 % 2 * 8));
}

/// Two 16 x 8 fragments of the right operand: columns n to n + 7 and n + 8 to n + 15.
template <Run R, int Rows, int K, class T>
__device__ __forceinline__ void load_right(unsigned (&b)[4], const T* tile, int n, int k) {
  using S = SwizzledTile<R, Rows, K>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if constexpr (R == Run::along_k)
    load_matrices_x4(b, tile + S::at(n + lane / 16 * 8 + lane % 8, k + lane / 8 % 2 * 8));
  else
    load_matrices_x4_transposed(b, tile + S::at(k + lane / 8 % 2 * 8 + lane % 8, n + lane / 16 * 8));
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
    for (int k = 0; k < Shape::K; k += 16) {
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
          multiply_m16n8k16<T>(sums[i][j], a[i], pair);
        }
    }
  }
  __device__ __forceinline__ void to_shared(float* tile) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
    for (int i = 0; i < kRows; i++)
#pragma unroll
      for (int j = 0; j < kColumns; j++)
#pragma unroll
        for (int h = 0; h < 2; h++)
          store_vector(tile + (row() + i * 16 + h * 8 + lane / 4) * Shape::kPitch + column() + j * 8 + lane % 4 * 2,
                       Vector<float, 2>{{sums[i][j][h * 2], sums[i][j][h * 2 + 1]}});
  }
};

/// One operand's share of a stage: the thread's chunks to their swizzled places.
template <class Operand, class T, int Rows, int K, int Threads>
struct Feed {
  using C = Chunks<T, Operand::run, Rows, K, Threads>;
  using S = SwizzledTile<Operand::run, Rows, K>;
  typename Operand::template Cursor<C> cursor;
  Vector<T> held[C::slots];

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
    cursor.advance();
  }
  __device__ __forceinline__ void put(T* tile) const {
#pragma unroll
    for (int i = 0; i < C::slots; i++) store_vector(tile + S::at(C::line(i), C::place()), held[i]);
  }
};

namespace {

/// Problem: its operands' types A and B, `grid`, `finish`, part(product) with a, b, M, K and row_of(m).
template <class Problem, class Shape, bool Staged>
__global__ void __launch_bounds__(Shape::threads) multiply_mma(const __grid_constant__ Problem problem) {
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
  store_tile<T, Shape::M, Shape::N, Shape::threads>(problem.finish, results, Shape::kPitch, m0, n0, part.M, place.split,
                                                    [&](int m) { return part.row_of(m); });
}

}  // namespace

template <class Shape, bool Staged, class Problem>
void launch_mma(const Problem& p, Stream stream) {
  launch(multiply_mma<Problem, Shape, Staged>, {p.grid.blocks(), Shape::threads, Shape::smem(Staged), stream}, p);
}

}  // namespace sumi::cuda
