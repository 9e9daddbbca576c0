// A matrix product on Hopper's tensor cores, for any operands that the copy engine (TMA) can bring as tiles of 64 k:
// plain matrices, images read as the columns of a convolution. 16-bit elements, f32 sums.
//
// A block makes a tile of results at a time and stays for many of them (persistent). One thread asks the copy engine
// for tiles of both operands, four to six stages ahead; two warpgroups each multiply half of the left tile's rows with
// the whole right one by wgmma, which reads both from shared memory, and keep the sums in registers. A stage has two
// barriers: full (its bytes have come) and empty (both warpgroups are done with it).
// With clusters of two blocks the right tile is brought by both, half by each for both: a block's stage is empty when
// the warpgroups of both are done with it. wgmma_grid.h says which tiles there are, and when. Blocks take tiles in
// bands of 16 rows of tiles, so that what runs at once reads 2048 rows and 2048 columns.
//
// Problem: Element, Left and Right (Major, as types), grid, finish, rows(product), row_of(product, m) and
// source<Shape>(product, m, n, step), all but the first four for the device; also steps(product) where products differ
// in them, and `sums` with pixels(product). A source is what one thread knows of a tile, from this step on: load(left,
// right, barrier) asks for both tiles of a step and moves on to the next. That thread issues an instruction in 4 to 5
// cycles, and a step's products take 512 (N = 128) or 1024: about 100 instructions are what a step may have, and one
// division is 20, so that what needs divisions is found once a tile and carried along.
#pragma once
#include "kernels/device/wgmma.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/wgmma_grid.h"

namespace sumi::cuda {

/// Stages of (left tile, right tile), then the warps' results, then the stages' barriers.
template <class Shape>
struct StageRing {
  int stage = 0;
  unsigned phase = 0;
  __device__ __forceinline__ unsigned char* left() const {
    return dyn_smem<unsigned char>() + stage * Shape::stage_bytes;
  }
  __device__ __forceinline__ unsigned char* right() const { return left() + Shape::left_bytes; }
  __device__ static __forceinline__ float* results() {
    return reinterpret_cast<float*>(dyn_smem<unsigned char>() + Shape::kStages * Shape::stage_bytes);
  }
  __device__ static __forceinline__ Mbarrier* full(int stage) {
    return reinterpret_cast<Mbarrier*>(results() + 8 * Shape::kResults) + stage;
  }
  __device__ static __forceinline__ Mbarrier* empty(int stage) { return full(Shape::kStages + stage); }
  __device__ __forceinline__ void advance() {
    if (++stage == Shape::kStages) stage = 0, phase ^= 1u;
  }
  __device__ static __forceinline__ void init() {
    for (int s = 0; s < Shape::kStages; s++) init_barrier(full(s), 1), init_barrier(empty(s), 2 * Shape::kCluster);
    fence_barriers();
  }
};

/// Whether products differ in their steps.
template <class Problem>
concept HasUnevenSteps = requires(const Problem& p) {
  p.steps(std::int64_t{});
};

/// A tile's place; its steps end with its product's, which may leave none. So does a product with fewer rows.
template <class Shape, class Problem>
__device__ __forceinline__ WgmmaGrid::Place place_of(const Problem& problem, unsigned tile) {
  WgmmaGrid::Place p = problem.grid.template place<Shape::kCluster>(tile);
  p.m *= Shape::kCluster;
  if constexpr (HasUnevenSteps<Problem>) {
    const int steps = problem.steps(p.product);
    if (steps < p.last) p.last = steps;
    if (p.m * Shape::M >= problem.rows(p.product)) p.last = p.first;
  }
  p.m += Shape::rank();
  return p;
}

/// A box of the right tile, for all blocks of the cluster.
template <class Shape>
__device__ __forceinline__ void load_shared_box(void* dst, const CUtensorMap* map, Mbarrier* full, int c0, int c1,
                                                int c2) {
  if constexpr (Shape::kCluster == 1)
    load_box(dst, map, full, c0, c1, c2);
  else
    load_box_to_blocks((1u << Shape::kCluster) - 1, dst, map, full, c0, c1, c2);
}

/// A warpgroup is done with a stage, and with what other blocks have brought for it.
template <class Shape>
__device__ __forceinline__ void give_back(Mbarrier* empty) {
  arrive(empty);
  if constexpr (Shape::kCluster == 2) arrive_at_block(empty, static_cast<unsigned>(Shape::rank()) ^ 1u);
}

/// What one thread does: fills stages as they become empty.
template <class Shape, class Problem>
__device__ __forceinline__ void bring_tiles(const Problem& problem, unsigned tiles) {
  StageRing<Shape> ring;
#pragma unroll 1
  for (unsigned tile = blockIdx.x / Shape::kCluster; tile < tiles; tile += gridDim.x / Shape::kCluster) {
    const WgmmaGrid::Place p = place_of<Shape>(problem, tile);
    if (p.first >= p.last) continue;
    auto source = problem.template source<Shape>(p.product, p.m * Shape::M, p.n * Shape::N, p.first);
#pragma unroll 1
    for (int step = p.first; step < p.last; step++, ring.advance()) {
      Mbarrier* full = ring.full(ring.stage);
      wait_for_phase(ring.empty(ring.stage), ring.phase ^ 1u);
      arrive_expecting(full, Shape::stage_bytes);
      source.load(ring.left(), ring.right(), full);
    }
  }
}

/// Statistics of 64 rows and columns that a warpgroup has stored, (64,64) in its warps' results.
template <class Shape, class Problem>
__device__ __forceinline__ void sum_stored(const Problem& problem, const WgmmaGrid::Place& p, int first_m,
                                           int first_n) {
  const int group = static_cast<int>(threadIdx.x) / Shape::kGroup - 1;
  const auto sync = [&] { sync_some(static_cast<unsigned>(group) + 1, Shape::kGroup); };
  problem.sums.template add<64, 64, Shape::kGroup>({.values = StageRing<Shape>::results() + group * 4 * Shape::kResults,
                                                    .thread = static_cast<int>(threadIdx.x) % Shape::kGroup,
                                                    .product = static_cast<int>(p.product),
                                                    .m0 = first_m,
                                                    .n0 = first_n,
                                                    .M = problem.rows(p.product),
                                                    .pixels = problem.pixels(p.product)},
                                                   sync);
  sync();
}

/// What a warp has in its results, 16 rows from m0 on and 64 columns from n0 on, to memory, 128 bytes a row. If
/// statistics of it are wanted, what is stored takes the sums' place.
template <class Problem>
__device__ __forceinline__ void store_rows(const Problem& problem, const WgmmaGrid::Place& p, int m0, int n0,
                                           float* own) {
  using Line = TileLine<64>;
  const int M = problem.rows(p.product);
  const bool summed = wants_sums(problem);
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x % 32); i < 16 * 8; i += 32) {
    const int m = m0 + i / 8, n = i % 8 * 8, left = problem.finish.N - n0 - n;
    if (m >= M || left <= 0) continue;
    float* line = own + i / 8 * Line::kPitch;
    float v[8];
    Line::load(line, n, v);
    store_finished(problem.finish, v, problem.row_of(p.product, m), n0 + n, left < 8 ? left : 8);
    if (summed) Line::store(line, n, v);
  }
}

/// The same of a share of k: as they are, 16 bytes a lane, so that lanes side by side fill whole sectors.
template <class Problem>
__device__ __forceinline__ void store_partial_rows(const Problem& problem, const WgmmaGrid::Place& p, int m0, int n0,
                                                   const float* own) {
  using Line = TileLine<64>;
  const int M = problem.rows(p.product);
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x % 32); i < 16 * 16; i += 32) {
    const int m = m0 + i / 16, n = i % 16 * 4;
    if (m < M && n0 + n < problem.finish.N)
      store_partial(problem.finish, load_vector(own + i / 16 * Line::kPitch + Line::place(n)),
                    problem.row_of(p.product, m), n0 + n, p.split);
  }
}

/// A block of a warpgroup's sums, rows first_m and on, columns first_n and on, to memory, 64 columns at a time through
/// 4 KiB of shared memory a warp.
template <class Shape, class Problem>
__device__ __forceinline__ void store_sums(const float (&sums)[Shape::kColumns / 2], const Problem& problem,
                                           const WgmmaGrid::Place& p, int first_m, int first_n) {
  using Line = TileLine<64>;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32) - 4;
  const int m0 = first_m + warp % 4 * 16;
  float* own = StageRing<Shape>::results() + warp * Shape::kResults;  // (16,64)
#pragma unroll
  for (int c = 0; c < Shape::kColumns / 64; c++) {
#pragma unroll
    for (int i = 0; i < 16; i++)
      store_vector(own + (lane / 4 + i % 2 * 8) * Line::kPitch + Line::place(i / 2 * 8 + lane % 4 * 2),
                   Vector<float, 2>{{sums[32 * c + 2 * i], sums[32 * c + 2 * i + 1]}});
    __syncwarp();
    if (problem.finish.partial)
      store_partial_rows(problem, p, m0, first_n + c * 64, own);
    else
      store_rows(problem, p, m0, first_n + c * 64, own);
    __syncwarp();
    if constexpr (SumsItsStores<Problem>)
      if (wants_sums(problem)) sum_stored<Shape>(problem, p, first_m, first_n + c * 64);
  }
}

/// A warpgroup's sums: blocks of (64,kColumns).
template <class Shape>
using WgmmaSums = float[Shape::kBlocks][Shape::kColumns / 2];

template <class Shape, class Problem>
__device__ __forceinline__ void store_blocks(const WgmmaSums<Shape>& sums, const Problem& problem,
                                             const WgmmaGrid::Place& p, int group) {
#pragma unroll
  for (int b = 0; b < Shape::kBlocks; b++) {
    const int m = p.m * Shape::M + Shape::first_row(group) + b * 64;
    if (m < problem.rows(p.product))
      store_sums<Shape>(sums[b], problem, p, m, p.n * Shape::N + Shape::first_column(group));
  }
}

/// What the other two warpgroups do.
template <class Shape, class Problem>
__device__ __forceinline__ void multiply_tiles(const Problem& problem, unsigned tiles) {
  using T = typename Problem::Element;
  constexpr Major kLeft = Problem::Left::value, kRight = Problem::Right::value;
  const int group = static_cast<int>(threadIdx.x) / Shape::kGroup - 1;
  const bool speaks = threadIdx.x % Shape::kGroup == 0;
  StageRing<Shape> ring;
  WgmmaSums<Shape> sums;
#pragma unroll 1
  for (unsigned tile = blockIdx.x / Shape::kCluster; tile < tiles; tile += gridDim.x / Shape::kCluster) {
    const WgmmaGrid::Place p = place_of<Shape>(problem, tile);
    if (HasUnevenSteps<Problem> && p.first >= p.last) {
      const WgmmaSums<Shape> nothing = {};  // zeros written to `sums` would make ptxas run its products one by one
      store_blocks<Shape>(nothing, problem, p, group);
      continue;
    }
    int before = 0;
#pragma unroll 1
    for (int step = p.first; step < p.last; step++, ring.advance()) {
      wait_for_phase(ring.full(ring.stage), ring.phase);
      for (auto& block : sums) fence_products(block);
#pragma unroll
      for (int k = 0; k < Shape::K; k += 16)
#pragma unroll
        for (int b = 0; b < Shape::kBlocks; b++)
          multiply_async<T, kLeft, kRight>(
              sums[b], tile_columns<kLeft>(ring.left(), Shape::first_row(group) + b * 64, k),
              tile_columns<kRight>(ring.right(), Shape::first_column(group), k), step > p.first || k > 0);
      commit_products();
      for (auto& block : sums) wait_for_products<1>(block);  // this step's go on while the stage before is given back
      if (step > p.first && speaks) give_back<Shape>(ring.empty(before));
      before = ring.stage;
    }
    for (auto& block : sums) wait_for_products<0>(block);
    if (speaks) give_back<Shape>(ring.empty(before));
    store_blocks<Shape>(sums, problem, p, group);
  }
}

namespace {

template <class Problem, class Shape>
__global__ void __launch_bounds__(Shape::threads, 1)
    multiply_wgmma(const __grid_constant__ Problem problem, unsigned tiles) {
  if constexpr (kHopperCode) {
    if (threadIdx.x == 0) StageRing<Shape>::init();
    if constexpr (Shape::kCluster == 1)
      __syncthreads();
    else
      wait_for_cluster();  // before anything comes from another block
    if (threadIdx.x < Shape::kGroup) {
      give_registers<24>();
      if (threadIdx.x == 0) bring_tiles<Shape>(problem, tiles);
    } else {
      take_registers<240>();
      multiply_tiles<Shape>(problem, tiles);
    }
    if constexpr (Shape::kCluster > 1) wait_for_cluster();  // others arrive at the barriers of this one
  }
}

}  // namespace

template <class Shape, class Problem>
void launch_wgmma(const Problem& p, int multiprocessors, Stream stream) {
  const unsigned tiles = p.grid.tiles();
  const unsigned clusters = std::min(tiles, static_cast<unsigned>(wgmma_clusters<Shape>(multiprocessors)));
  launch(multiply_wgmma<Problem, Shape>,
         {clusters * Shape::kCluster, Shape::threads, Shape::smem, stream, Shape::kCluster}, p, tiles);
}

}  // namespace sumi::cuda
