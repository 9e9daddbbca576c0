// A matrix product on Hopper's tensor cores, for any operands that the copy engine (TMA) can bring as tiles of 64 k:
// plain matrices, images read as the columns of a convolution. 16-bit elements, f32 sums.
//
// A block makes 128 x 256 (or 128 x 128) results at a time and stays for many of them (persistent). One thread asks the
// copy engine for tiles, up to four (six) stages of 48 (32) KiB ahead; two warpgroups each multiply 64 rows of the left
// tile with the whole right one by wgmma, which reads both from shared memory, and keep the sums in registers: 128 a
// thread. A stage has two barriers: full (its bytes have come) and empty (both warpgroups are done with it).
// Per stage and block 2 * 128 * 256 * 64 = 4.2 MFLOP against 48 KiB: 85 FLOP a byte from L2, 1.3 times what 128 x 128
// tiles read. wgmma m64n256k16 takes 128 cycles and reads 10 KiB of shared memory in 80: the tensor cores are the
// limit. Blocks take tiles in bands of 16 rows of tiles, so that what runs at once reads 2048 rows and 2048 columns.
//
// Problem: Element, Left and Right (Major, as types), grid, finish, rows(product), row_of(product, m) and
// source<Shape>(product, m, n, step), all but the first four for the device; also steps(product) where products differ
// in them. A source is what one thread knows of a tile, from this step on: load(left, right, barrier) asks for both
// tiles of a step and moves on to the next. That thread issues an instruction in 4 to 5 cycles, and a step's products
// take 512 (N = 128) or 1024: about 100 instructions are what a step may have, and one division is 20, so that what
// needs divisions is found once a tile and carried along.
#pragma once
#include "kernels/device/wgmma.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

template <int N_>
struct WgmmaShape {
  static constexpr int M = 128, N = N_, K = kTileK, kStages = N == 256 ? 4 : 6;
  static constexpr int kGroup = 128, threads = 3 * kGroup;  // a producing warpgroup and two that multiply
  static constexpr int left_bytes = M * K * 2, stage_bytes = left_bytes + N * K * 2;
  static constexpr int kPitch = 68, kResults = 16 * kPitch;  // a warp's part of the results: floats of a row, of all
  static constexpr std::size_t smem =
      std::size_t{kStages} * (stage_bytes + 2 * sizeof(Mbarrier)) + 8 * kResults * sizeof(float);
};

/// Products x shares of the steps over k x tiles, in the order in which blocks take them.
struct WgmmaGrid {
  int m_tiles = 1, n_tiles = 1, splits = 1, steps = 1, steps_per_split = 1;
  std::int64_t products = 1;

  struct Place {
    int m, n, split, first, last;  // tile, share, and its steps
    std::int64_t product;
  };
  __device__ Place place(unsigned tile) const {
    constexpr int kBand = 16;
    const auto area = static_cast<unsigned>(m_tiles * n_tiles);
    const unsigned part = tile / area, at = tile % area, band = at / static_cast<unsigned>(kBand * n_tiles);
    const int left = m_tiles - static_cast<int>(band) * kBand, height = left < kBand ? left : kBand;
    const int in_band = static_cast<int>(at - band * static_cast<unsigned>(kBand * n_tiles));
    Place p;
    p.m = static_cast<int>(band) * kBand + in_band % height, p.n = in_band / height;
    p.split = static_cast<int>(part % static_cast<unsigned>(splits)), p.product = part / static_cast<unsigned>(splits);
    p.first = p.split * steps_per_split;
    p.last = p.first + steps_per_split < steps ? p.first + steps_per_split : steps;
    return p;
  }
  unsigned tiles() const {
    const std::int64_t n = products * splits * m_tiles * n_tiles;
    check(n <= 0x7fffffff, "cuda: a product of ", n, " tiles is too large for one grid");
    return static_cast<unsigned>(n);
  }
};

/// Where tiles of 128 x tile_n leave most of 132 multiprocessors (an H100's) idle, k is shared among blocks, in shares
/// of at least 8 steps. Independent of the GPU at hand, so that sums are split alike everywhere.
inline WgmmaGrid wgmma_grid(std::int64_t products, std::int64_t M, std::int64_t N, int steps, int tile_n) {
  constexpr std::int64_t kMultiprocessors = 132;
  const auto parts = [](std::int64_t n, std::int64_t each) { return (n + each - 1) / each; };
  WgmmaGrid g{.m_tiles = static_cast<int>(parts(M, 128)), .n_tiles = static_cast<int>(parts(N, tile_n))};
  g.products = products, g.steps = steps;
  const std::int64_t tiles = products * g.m_tiles * g.n_tiles;
  const std::int64_t wanted = std::max<std::int64_t>(kMultiprocessors / tiles, 1);
  const std::int64_t splits = std::clamp<std::int64_t>(std::min<std::int64_t>(wanted, steps / 8), 1, 64);
  g.steps_per_split = static_cast<int>(parts(steps, splits));
  g.splits = static_cast<int>(parts(steps, g.steps_per_split));
  return g;
}

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
    for (int s = 0; s < Shape::kStages; s++) init_barrier(full(s), 1), init_barrier(empty(s), 2);
    fence_barriers();
  }
};

/// Whether products differ in their steps.
template <class Problem>
concept HasUnevenSteps = requires(const Problem& p) {
  p.steps(std::int64_t{});
};

/// A tile's place; its steps end with its product's, which may leave none.
template <class Problem>
__device__ __forceinline__ WgmmaGrid::Place place_of(const Problem& problem, unsigned tile) {
  WgmmaGrid::Place p = problem.grid.place(tile);
  if constexpr (HasUnevenSteps<Problem>) {
    const int steps = problem.steps(p.product);
    if (steps < p.last) p.last = steps;
  }
  return p;
}

/// What one thread does: fills stages as they become empty.
template <class Shape, class Problem>
__device__ __forceinline__ void bring_tiles(const Problem& problem, unsigned tiles) {
  StageRing<Shape> ring;
#pragma unroll 1
  for (unsigned tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const WgmmaGrid::Place p = place_of(problem, tile);
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

/// The warpgroup's 64 x N sums to memory, 64 columns at a time through 4 KiB of shared memory a warp: its 16 rows are
/// then stored 128 bytes at a time.
template <class Shape, class T, class Problem>
__device__ __forceinline__ void store_sums(const float (&sums)[Shape::N / 2], const Problem& problem,
                                           const WgmmaGrid::Place& p) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32) - 4;
  const int m0 = p.m * Shape::M + warp * 16, M = problem.rows(p.product);
  float* own = StageRing<Shape>::results() + warp * Shape::kResults;  // (16,64)
#pragma unroll
  for (int c = 0; c < Shape::N / 64; c++) {
#pragma unroll
    for (int i = 0; i < 16; i++)
      store_vector(own + (lane / 4 + i % 2 * 8) * Shape::kPitch + i / 2 * 8 + lane % 4 * 2,
                   Vector<float, 2>{{sums[32 * c + 2 * i], sums[32 * c + 2 * i + 1]}});
    __syncwarp();
#pragma unroll 1
    for (int i = lane; i < 16 * 8; i += 32) {
      const int m = m0 + i / 8, n = p.n * Shape::N + c * 64 + i % 8 * 8, left = problem.finish.N - n;
      if (m >= M || left <= 0) continue;
      const float* from = own + i / 8 * Shape::kPitch + i % 8 * 8;
      const Vector<float> low = load_vector(from), high = load_vector(from + 4);
      float v[8] = {low.v[0], low.v[1], low.v[2], low.v[3], high.v[0], high.v[1], high.v[2], high.v[3]};
      const int valid = left < 8 ? left : 8;
      if (problem.finish.partial)
        store_partial(problem.finish, v, problem.row_of(p.product, m), n, valid, p.split);
      else
        store_finished(problem.finish, v, problem.row_of(p.product, m), n, valid);
    }
    __syncwarp();
  }
}

/// What the other two warpgroups do.
template <class Shape, class Problem>
__device__ __forceinline__ void multiply_tiles(const Problem& problem, unsigned tiles) {
  using T = typename Problem::Element;
  const int group = static_cast<int>(threadIdx.x) / Shape::kGroup - 1;
  const bool speaks = threadIdx.x % Shape::kGroup == 0;
  StageRing<Shape> ring;
  float sums[Shape::N / 2];  // (64,N) of the warpgroup
#pragma unroll 1
  for (unsigned tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const WgmmaGrid::Place p = place_of(problem, tile);
    if (HasUnevenSteps<Problem> && p.first >= p.last) {
      const float nothing[Shape::N / 2] = {};  // zeros written to `sums` would make ptxas run its products one by one
      store_sums<Shape, T>(nothing, problem, p);
      continue;
    }
    int before = 0;
#pragma unroll 1
    for (int step = p.first; step < p.last; step++, ring.advance()) {
      wait_for_phase(ring.full(ring.stage), ring.phase);
      fence_products(sums);
#pragma unroll
      for (int k = 0; k < Shape::K; k += 16)
        multiply_async<T, Problem::Left::value, Problem::Right::value>(
            sums, tile_columns<Problem::Left::value>(ring.left(), group * 64, k),
            tile_columns<Problem::Right::value>(ring.right(), 0, k), step > p.first || k > 0);
      commit_products();
      wait_for_products<1>(sums);  // this step's go on while the stage before is given back
      if (step > p.first && speaks) arrive(ring.empty(before));
      before = ring.stage;
    }
    wait_for_products<0>(sums);
    if (speaks) arrive(ring.empty(before));
    store_sums<Shape, T>(sums, problem, p);
  }
}

namespace {

template <class Problem, class Shape>
__global__ void __launch_bounds__(Shape::threads, 1)
    multiply_wgmma(const __grid_constant__ Problem problem, unsigned tiles) {
  if constexpr (kHopperCode) {
    if (threadIdx.x == 0) StageRing<Shape>::init();
    __syncthreads();
    if (threadIdx.x < Shape::kGroup) {
      give_registers<24>();
      if (threadIdx.x == 0) bring_tiles<Shape>(problem, tiles);
    } else {
      take_registers<240>();
      multiply_tiles<Shape>(problem, tiles);
    }
  }
}

}  // namespace

template <class Shape, class Problem>
void launch_wgmma(const Problem& p, int multiprocessors, Stream stream) {
  const unsigned tiles = p.grid.tiles(), blocks = std::min(tiles, static_cast<unsigned>(multiprocessors));
  launch(multiply_wgmma<Problem, Shape>, {blocks, Shape::threads, Shape::smem, stream}, p, tiles);
}

}  // namespace sumi::cuda
