// Batches of matrices as the operands of Hopper's tensor cores, for the rows `wgmma` and `wgmma_multicast`.
#pragma once
#include "kernels/gemm/product.h"
#include "kernels/gemm/tile_wgmma.h"

namespace sumi::cuda {

/// A batch of matrices, stored with k contiguous (Major::k) or the other direction.
template <class T, Major MA, Major MB>
struct WgmmaMatrices {
  using Element = T;
  using Left = std::integral_constant<Major, MA>;
  using Right = std::integral_constant<Major, MB>;
  CUtensorMap a, b;
  int M;
  bool shared_a, shared_b;
  WgmmaGrid grid;
  Finish<T> finish;

  template <class Shape, Major Way, int Rows>
  __device__ static __forceinline__ void load(unsigned char* tile, const CUtensorMap* map, Mbarrier* full, int row,
                                              int k, int matrix) {
    if constexpr (Way == Major::k)
      load_shared_box<Shape>(tile, map, full, k, row, matrix);
    else
#pragma unroll
      for (int i = 0; i < Rows / 64; i++)
        load_shared_box<Shape>(tile + i * kTileBox, map, full, row + i * 64, k, matrix);
  }
  template <class Shape>
  struct Source {
    const WgmmaMatrices& of;
    int matrix_a, matrix_b, m, n, k;
    __device__ __forceinline__ void load(unsigned char* left, unsigned char* right, Mbarrier* full) {
      using Alone = WgmmaShape<Shape::M, Shape::N>;
      const int first = Shape::rank() * Shape::kShare;
      WgmmaMatrices::load<Alone, MA, Shape::M>(left, &of.a, full, m, k, matrix_a);
      WgmmaMatrices::load<Shape, MB, Shape::kShare>(right + first * kTileLine, &of.b, full, n + first, k, matrix_b);
      k += kTileK;
    }
  };
  template <class Shape>
  __device__ __forceinline__ Source<Shape> source(std::int64_t product, int m, int n, int step) const {
    const int matrix = static_cast<int>(product);
    return {*this, shared_a ? 0 : matrix, shared_b ? 0 : matrix, m, n, step * kTileK};
  }
  __device__ int rows(std::int64_t) const { return M; }
  __device__ std::int64_t row_of(std::int64_t product, int m) const { return product * M + m; }
};

/// Boxes of 64 k x tile_rows (Major::k) or 64 rows x 64 k of `matrices` matrices of rows x K.
inline CUtensorMap map_of(const TensorRef& t, Major major, std::int64_t rows, std::int64_t K, std::int64_t matrices,
                          int tile_rows) {
  const bool along_k = major == Major::k;
  const auto bytes = static_cast<std::int64_t>(size_of(t.dtype));
  const std::int64_t inner = along_k ? K : rows, outer = along_k ? rows : K;
  return tensor_map(TiledTensor{.data = t.data,
                                .dtype = t.dtype,
                                .rank = 3,
                                .size = {inner, outer, matrices},
                                .stride = {0, inner * bytes, inner * outer * bytes},
                                .box = {kTileK, along_k ? tile_rows : kTileK, 1},
                                .swizzle = Swizzle::span128});
}

template <class T, Major MA, Major MB, class Shape>
void run_shape(const Gemm& g, const WgmmaGrid& grid, Context& ctx) {
  WgmmaMatrices<T, MA, MB> p{.a = map_of(g.a, MA, g.M, g.K, g.shared_a ? 1 : g.batch, Shape::M),
                             .b = map_of(g.b, MB, g.N, g.K, g.shared_b ? 1 : g.batch, Shape::kShare),
                             .M = static_cast<int>(g.M),
                             .shared_a = g.shared_a,
                             .shared_b = g.shared_b,
                             .grid = grid,
                             .finish = finish_of<T>(g)};
  with_splits(p, g.batch * g.M, ctx,
              [&](const auto& q) { launch_wgmma<Shape>(q, ctx.device().multiprocessors, ctx.stream()); });
}

template <class Shapes, class T, Major MA, Major MB>
void run_majors(const Gemm& g, Context& ctx) {
  const int steps = static_cast<int>((g.K + kTileK - 1) / kTileK);
  with_tiles(Shapes{}, g.batch, g.M, g.N, steps, ctx.device().multiprocessors,
             [&]<class Shape>(Shape, const WgmmaGrid& grid) { run_shape<T, MA, MB, Shape>(g, grid, ctx); });
}

/// Shapes: a WgmmaShapes of which tiles there are.
template <class Shapes, class T>
void run_matrices(const Gemm& g, Context& ctx) {
  if (g.transpose_a && g.transpose_b) return run_majors<Shapes, T, Major::mn, Major::k>(g, ctx);
  if (g.transpose_a) return run_majors<Shapes, T, Major::mn, Major::mn>(g, ctx);
  if (g.transpose_b) return run_majors<Shapes, T, Major::k, Major::k>(g, ctx);
  run_majors<Shapes, T, Major::k, Major::mn>(g, ctx);
}

template <class Shapes>
void run_matrices(const Gemm& g, Context& ctx) {
  if (g.dtype() == DType::f16)
    run_matrices<Shapes, __half>(g, ctx);
  else
    run_matrices<Shapes, __nv_bfloat16>(g, ctx);
}

}  // namespace sumi::cuda
