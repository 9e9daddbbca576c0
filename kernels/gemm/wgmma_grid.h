// Which tiles of a product Hopper's blocks make, in which order, and how they share the sums over k.
//
//   tile        stage    FLOP a byte of L2   wgmma        its cycles, reading shared memory   for
//   128 x 256   48 KiB    85                 m64n256k16   128, 80                             most
//   256 x 128   48 KiB    85                 m64n128k16    64, 48                             up to 128 columns
//   128 x 128   32 KiB    64                 m64n128k16    64, 48                             few tiles
//   256 x 64    40 KiB    51                 m64n64k16     32, 32                             up to 64 columns
//    64 x 256   40 KiB    51                 m64n128k16    64, 48                             up to 64 rows
//
// L2 delivers 5120 bytes a cycle at best, 39 to each of 132 multiprocessors: 1270 cycles for a stage of 48 KiB, whose
// products take 1024. So tiles are chosen by what they ask of L2 (with_tiles).
//
// Two blocks of a cluster make two tiles of the same columns, one above the other, and bring half of the right tile
// each, for both: 16 + 16 KiB of L2 for a stage of 48, 840 cycles, less than its products take. A grid then counts
// pairs of tiles; an odd last one's partner multiplies zeros and stores nothing.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/core/error.h"
#include "kernels/device/wgmma.h"
#include "kernels/gemm/tile_line.h"

namespace sumi::cuda {

/// Cluster: blocks that share a right tile.
template <int M_, int N_, int Cluster = 1>
struct WgmmaShape {
  static constexpr int M = M_, N = N_, K = kTileK, kCluster = Cluster;
  static constexpr int kGroup = 128, threads = 3 * kGroup;  // a producing warpgroup and two that multiply
  /// A warpgroup's sums: blocks of 64 rows x kColumns. Of 64 rows each takes all, and half of the columns.
  static constexpr int kBlocks = M == 256 ? 2 : 1, kColumns = M == 64 ? N / 2 : N;
  static constexpr int left_bytes = M * K * 2, stage_bytes = left_bytes + N * K * 2;
  /// Columns of the right tile that a block brings, and what it asks of L2 for a stage.
  static constexpr int kShare = N / Cluster, asked_bytes = left_bytes + kShare * K * 2;
  static constexpr int kResults = 16 * TileLine<64>::kPitch;  // a warp's part of them: 16 rows of 64 floats
  static constexpr int kResultBytes = 8 * kResults * static_cast<int>(sizeof(float));
  static constexpr int kBarrierBytes = 2 * static_cast<int>(sizeof(Mbarrier));
  static constexpr int kStages = (227 * 1024 - kResultBytes) / (stage_bytes + kBarrierBytes);
  static constexpr std::size_t smem = kStages * (stage_bytes + kBarrierBytes) + kResultBytes;

  /// Of the block in its cluster.
  __device__ static int rank() { return Cluster == 1 ? 0 : static_cast<int>(blockIdx.x % Cluster); }
  __device__ static int first_row(int group) { return M == 64 ? 0 : group * (M / 2); }
  __device__ static int first_column(int group) { return M == 64 ? group * kColumns : 0; }
};

/// Products x shares of the steps over k x tiles, in the order in which blocks take them.
struct WgmmaGrid {
  int m_tiles = 1, n_tiles = 1, splits = 1, steps = 1, steps_per_split = 1;
  std::int64_t products = 1;

  struct Place {
    int m, n, split, first, last;  // tile, share, and its steps
    std::int64_t product;
  };
  /// Of a cluster's `tile`: its m counts rows of as many tiles as it has blocks.
  template <int Cluster>
  __device__ Place place(unsigned tile) const {
    constexpr int kBand = 16 / Cluster;
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

/// Where tiles leave most of 132 multiprocessors (an H100's) idle, k is shared among blocks, in shares of at least 8
/// steps.
template <class Shape>
WgmmaGrid wgmma_grid(std::int64_t products, std::int64_t M, std::int64_t N, int steps) {
  constexpr std::int64_t kMultiprocessors = 132;
  const auto parts = [](std::int64_t n, std::int64_t each) { return (n + each - 1) / each; };
  WgmmaGrid g{.m_tiles = static_cast<int>(parts(M, Shape::M * Shape::kCluster)),
              .n_tiles = static_cast<int>(parts(N, Shape::N))};
  g.products = products, g.steps = steps;
  const std::int64_t tiles = products * g.m_tiles * g.n_tiles;
  const std::int64_t wanted = std::max<std::int64_t>(kMultiprocessors / Shape::kCluster / tiles, 1);
  const std::int64_t splits = std::clamp<std::int64_t>(std::min<std::int64_t>(wanted, steps / 8), 1, 64);
  g.steps_per_split = static_cast<int>(parts(steps, splits));
  g.splits = static_cast<int>(parts(steps, g.steps_per_split));
  return g;
}

/// Clusters that are at work at once.
template <class Shape>
std::int64_t wgmma_clusters(int multiprocessors) {
  return std::max(multiprocessors / Shape::kCluster, 1);
}

/// Bytes between L2 and the block that has most tiles: the stages, then the results, in 16 bits, or in f32 that is
/// written and read again.
template <class Shape>
std::int64_t wgmma_traffic(const WgmmaGrid& g, int multiprocessors) {
  const std::int64_t at_once = wgmma_clusters<Shape>(multiprocessors);
  const std::int64_t rounds = (std::int64_t{g.tiles()} + at_once - 1) / at_once;
  return rounds * (std::int64_t{g.steps_per_split} * Shape::asked_bytes + Shape::M * Shape::N * (g.splits > 1 ? 8 : 2));
}

/// The shapes that a row has.
template <class... Shapes>
struct WgmmaShapes {};

/// Calls run(Shape{}, grid) for the shape of least traffic, the first one of several. Filling a GPU is not enough to
/// ask for: 128 tiles of 128 x 256 with 32 steps are one round, 1.6 MB a block; as 256 tiles of 128 x 128 they are two
/// rounds, 2.1 MB.
template <class... Shapes, class Run>
void with_tiles(WgmmaShapes<Shapes...>, std::int64_t products, std::int64_t M, std::int64_t N, int steps,
                int multiprocessors, Run&& run) {
  const WgmmaGrid grids[] = {wgmma_grid<Shapes>(products, M, N, steps)...};
  const WgmmaGrid* next = grids;
  const std::int64_t traffic[] = {wgmma_traffic<Shapes>(*next++, multiprocessors)...};
  const auto best = std::ranges::min_element(traffic) - traffic;
  std::ptrdiff_t i = 0;
  ((i++ == best ? run(Shapes{}, grids[best]) : void()), ...);
}

}  // namespace sumi::cuda
