// Which part of a product a block makes: products (a batch, or the phases of a transposed convolution) x shares of k x
// tiles of m x tiles of n. Neighbouring blocks differ in n: they read the same rows of the left operand, the larger one
// in convolutions, at the same time.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/core/error.h"
#include "kernels/device/device.h"

namespace sumi::cuda {

/// Two blocks on each of an H100's 132 multiprocessors. A constant, so that sums are split alike on every GPU.
inline constexpr std::int64_t kBlocksWanted = 264;

struct TileGrid {
  int m_tiles = 1, n_tiles = 1, splits = 1, k_per_split = 0;
  std::int64_t products = 1;

  struct Place {
    int m, n, split;
    std::int64_t product;
  };
  __device__ Place place(unsigned block) const {
    Place p;
    p.n = static_cast<int>(block % static_cast<unsigned>(n_tiles)), block /= static_cast<unsigned>(n_tiles);
    p.m = static_cast<int>(block % static_cast<unsigned>(m_tiles)), block /= static_cast<unsigned>(m_tiles);
    p.split = static_cast<int>(block % static_cast<unsigned>(splits)),
    p.product = block / static_cast<unsigned>(splits);
    return p;
  }
  std::int64_t tiles() const { return products * m_tiles * n_tiles; }
  unsigned blocks() const {
    check(tiles() * splits <= 0x7fffffff, "cuda: a product of ", tiles(), " tiles is too large for one grid");
    return static_cast<unsigned>(tiles() * splits);
  }
};

/// Tiles of tile_m x tile_n. Where tiles of `side` squared leave most of a GPU idle, k is shared among blocks, in
/// shares of at least 8 steps of tile_k: less would be spent on adding them. `side` is not the tile's own, so that sums
/// are split alike whichever tiles a GPU of some size is given.
inline TileGrid tile_grid(std::int64_t products, std::int64_t M, std::int64_t N, std::int64_t K, int tile_m, int tile_n,
                          int tile_k, int side = 64) {
  const auto parts = [](std::int64_t n, std::int64_t each) { return (n + each - 1) / each; };
  check(std::max({M, N, K}) <= 0x7fffffff - 1024, "cuda: a product of ", M, " x ", N, " x ", K, " is too large");
  TileGrid g;
  g.products = products;
  g.m_tiles = static_cast<int>(parts(M, tile_m)), g.n_tiles = static_cast<int>(parts(N, tile_n));
  const std::int64_t steps = parts(K, tile_k), counted = products * parts(M, side) * parts(N, side);
  const std::int64_t splits = std::clamp<std::int64_t>(std::min(kBlocksWanted / counted, steps / 8), 1, 128);
  const std::int64_t each = std::max<std::int64_t>(parts(steps, splits), 1);
  g.k_per_split = static_cast<int>(each * tile_k);
  g.splits = static_cast<int>(std::max<std::int64_t>(parts(steps, each), 1));
  return g;
}

}  // namespace sumi::cuda
