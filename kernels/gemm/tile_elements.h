// The two lowest rungs, for anything that can be written as y[m][n] = sum over k of left(m, k) * right(k, n), element
// by element: one thread a result, and 32 x 32 tiles in shared memory. They take every case.
//
// naive reads two elements per multiply-add: 2 FLOP on 4 to 8 bytes, most of them from L1 and L2. tiled reads each
// element once per 32 results of a tile: 32 times less traffic, and the address arithmetic with it.
//
// Problem: Element, N, grid, finish, part(product) with M, K, row(m) (whose at(k) is the left factor), right(k, n),
// row_of(m) and column_of(n).
#pragma once
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tile_grid.h"

namespace sumi::cuda {

/// One result to its place; any map.
template <class T>
__device__ __forceinline__ void store_one(const Finish<T>& f, float sum, std::int64_t row, int n) {
  const std::int64_t at = row * f.N + n;
  float v = f.alpha * sum;
  if (f.bias) v += f.bias[n];
  if (f.residual) v += to_float(f.residual[at]);
  f.y[at] = from_float<T>(map_at(f.act, v, f.a));
}

namespace {

constexpr int kNaiveThreads = 128, kTileSide = 32, kTileRows = 8, kTilePerThread = kTileSide / kTileRows;

template <class Problem>
__global__ void __launch_bounds__(kNaiveThreads) multiply_naive(const __grid_constant__ Problem problem) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kNaiveThreads + threadIdx.x, row = i / problem.N;
  const int n = static_cast<int>(i % problem.N), m = static_cast<int>(row % problem.M);
  if (row / problem.M >= problem.grid.products) return;
  const auto part = problem.part(row / problem.M);
  if (m >= part.M) return;
  const auto left = part.row(m);
  float sum = 0;
  for (int k = 0; k < part.K; k++) sum = fmaf(left.at(k), part.right(k, n), sum);
  store_one(problem.finish, sum, part.row_of(m), part.column_of(n));
}

template <class Problem>
__global__ void __launch_bounds__(kTileSide* kTileRows) multiply_tiled(const __grid_constant__ Problem problem) {
  __shared__ float left[kTileSide][kTileSide + 1], right[kTileSide][kTileSide + 1];
  const TileGrid::Place place = problem.grid.place(blockIdx.x);
  const auto part = problem.part(place.product);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int m0 = place.m * kTileSide, n = place.n * kTileSide + x;
  if (m0 >= part.M) return;
  float sums[kTilePerThread] = {};
  for (int k0 = 0; k0 < part.K; k0 += kTileSide) {
    for (int i = y; i < kTileSide; i += kTileRows) {
      left[i][x] = m0 + i < part.M && k0 + x < part.K ? part.row(m0 + i).at(k0 + x) : 0.f;
      right[i][x] = k0 + i < part.K && n < problem.N ? part.right(k0 + i, n) : 0.f;
    }
    __syncthreads();
    for (int k = 0; k < kTileSide; k++)
#pragma unroll
      for (int i = 0; i < kTilePerThread; i++) sums[i] = fmaf(left[y + i * kTileRows][k], right[k][x], sums[i]);
    __syncthreads();
  }
#pragma unroll 1
  for (int i = 0; i < kTilePerThread; i++) {
    const int m = m0 + y + i * kTileRows;
    float sum = sums[0];
#pragma unroll
    for (int j = 1; j < kTilePerThread; j++) sum = i == j ? sums[j] : sum;
    if (m < part.M && n < problem.N) store_one(problem.finish, sum, part.row_of(m), part.column_of(n));
  }
}

}  // namespace

/// Of `products` products of at most M x N.
template <class Problem>
void launch_naive(Problem p, std::int64_t products, Stream stream) {
  p.grid.products = products;
  launch(multiply_naive<Problem>, {blocks_for(products * p.M * p.N, kNaiveThreads), kNaiveThreads, 0, stream}, p);
}

template <class Problem>
void launch_tiled(Problem p, std::int64_t products, Stream stream) {
  p.grid = tile_grid(products, p.M, p.N, 0, kTileSide, kTileSide, kTileSide);
  launch(multiply_tiled<Problem>, {p.grid.blocks(), dim3(kTileSide, kTileRows), 0, stream}, p);
}

}  // namespace sumi::cuda
