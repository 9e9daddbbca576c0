// A matrix product in f32 on the ordinary cores, for any operands that come in 16-byte chunks. A block makes 128 x 128
// (or 64 x 64) results, 16 columns of k at a time; each thread owns 8 x 8 of them in registers, so that 16 floats read
// from shared memory feed 64 multiply-adds. Two stages: the next one travels through registers while this one is
// multiplied. Per stage and block 0.52 MFLOP against 16 KiB: 32 FLOP a byte, where 67 TFLOP/s on L2's 5.5 TB/s want 12.
#pragma once
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

template <int Side>
struct RegisterShape {
  static constexpr int M = Side, N = Side, K = 16, threads_n = N / 8, threads = M / 8 * threads_n;
  static constexpr int kTilePitch = Side + 4;  // 16-byte aligned, and not a multiple of 32 banks
  static constexpr int stage_floats = 2 * K * kTilePitch;
  static constexpr std::size_t smem() {
    return sizeof(float) * std::max<std::size_t>(2 * stage_floats, std::size_t{M} * TileLine<N>::kPitch);
  }
};
using LargeRegisters = RegisterShape<128>;
using SmallRegisters = RegisterShape<64>;

/// One operand's share of a stage, [k][row].
template <class Operand, class Shape>
struct RegisterFeed {
  using C = Chunks<float, Operand::run, Shape::M, Shape::K, Shape::threads>;
  typename Operand::template Cursor<C> cursor;
  Raw<float> held[C::slots];

  __device__ RegisterFeed(const Operand& o, int row, int k, int k_end) : cursor(o, row, k, k_end) {}
  __device__ __forceinline__ void hold() {
#pragma unroll
    for (int i = 0; i < C::slots; i++) held[i] = cursor.gather(i);
  }
  __device__ __forceinline__ void put(float* tile) {
    cursor.map(held);
    cursor.advance();
#pragma unroll
    for (int i = 0; i < C::slots; i++) {
      const Vector<float> v = unpack<float>(held[i]);
      if constexpr (Operand::run == Run::along_k) {
#pragma unroll
        for (int e = 0; e < 4; e++) tile[(C::place() + e) * Shape::kTilePitch + C::line(i)] = v.v[e];
      } else {
        store_vector(tile + C::line(i) * Shape::kTilePitch + C::place(), v);
      }
    }
  }
};

/// Rows 4y to 4y + 3 and half a tile further down, columns 4x likewise: a quarter of a warp reads 128 bytes at once.
template <class Shape>
struct ThreadTile {
  float sums[8][8] = {};
  __device__ static int row(int i) {
    return i / 4 * (Shape::M / 2) + static_cast<int>(threadIdx.x) / Shape::threads_n * 4 + i % 4;
  }
  __device__ static int column(int j) {
    return j / 4 * (Shape::N / 2) + static_cast<int>(threadIdx.x) % Shape::threads_n * 4 + j % 4;
  }
  __device__ __forceinline__ void add(const float* left, const float* right) {
#pragma unroll
    for (int k = 0; k < Shape::K; k++) {
      Vector<float> a[2], b[2];
#pragma unroll
      for (int h = 0; h < 2; h++) {
        a[h] = load_vector(left + k * Shape::kTilePitch + row(h * 4));
        b[h] = load_vector(right + k * Shape::kTilePitch + column(h * 4));
      }
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 8; j++) sums[i][j] = fmaf(a[i / 4].v[i % 4], b[j / 4].v[j % 4], sums[i][j]);
    }
  }
  __device__ __forceinline__ void to_shared(float* tile) const {
    using Line = TileLine<Shape::N>;
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
      for (int j = 0; j < 8; j += 4)
        store_vector(tile + row(i) * Line::kPitch + Line::place(column(j)),
                     Vector<float>{{sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]}});
  }
};

namespace {

/// Problem as for multiply_mma, of floats, with the blocks that a multiprocessor holds at least: two large ones where
/// the compiler needs no more than 128 registers for them.
template <class Problem, class Shape>
__global__ void __launch_bounds__(Shape::threads, Problem::least_blocks)
    multiply_registers(const __grid_constant__ Problem problem) {
  const TileGrid::Place place = problem.grid.place(blockIdx.x);
  const auto part = problem.part(place.product);
  const int m0 = place.m * Shape::M, n0 = place.n * Shape::N;
  if (m0 >= part.M) return;
  const int k = place.split * problem.grid.k_per_split, share = part.K - k;
  const int k_end = k + (share < problem.grid.k_per_split ? share : problem.grid.k_per_split);
  const int steps = k_end > k ? (k_end - k + Shape::K - 1) / Shape::K : 0;

  RegisterFeed<typename Problem::A, Shape> a(part.a, m0, k, k_end);
  RegisterFeed<typename Problem::B, Shape> b(part.b, n0, k, k_end);
  float* shared = dyn_smem<float>();
  constexpr int kB = Shape::K * Shape::kTilePitch;
  ThreadTile<Shape> tile;
  if (steps > 0) a.hold(), b.hold(), a.put(shared), b.put(shared + kB);
  __syncthreads();
  for (int i = 0; i < steps; i++) {
    const float* now = shared + i % 2 * Shape::stage_floats;
    float* next = shared + (i + 1) % 2 * Shape::stage_floats;
    if (i + 1 < steps) a.hold(), b.hold();
    tile.add(now, now + kB);
    if (i + 1 < steps) a.put(next), b.put(next + kB);
    __syncthreads();
  }
  tile.to_shared(shared);
  __syncthreads();
  store_tile<Shape>(problem, part, place, shared);
  sum_tile<Shape>(problem, shared, [&] { return place_again(problem); });
}

}  // namespace

template <class Shape, class Problem>
void launch_registers(const Problem& p, Stream stream) {
  launch(multiply_registers<Problem, Shape>, {p.grid.blocks(), Shape::threads, Shape::smem(), stream}, p);
}

}  // namespace sumi::cuda
