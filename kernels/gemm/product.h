// A Gemm's arguments as the products that the tile kernels take.
#pragma once
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/with_splits.h"

namespace sumi::cuda {

template <class T, Run RA, Run RB>
struct MatrixProduct {
  using Element = T;
  using A = Matrix<T, RA>;
  using B = Matrix<T, RB>;
  static constexpr int least_blocks = 2;
  A a;
  B b;
  std::int64_t a_step, b_step;  // from one product of the batch to the next
  int M, K;
  TileGrid grid;
  Finish<T> finish;

  struct Part {
    A a;
    B b;
    int M, K;
    std::int64_t first;
    __device__ std::int64_t row_of(int m) const { return first + m; }
  };
  __device__ Part part(std::int64_t product) const {
    Part p{a, b, M, K, product * M};
    p.a.data += product * a_step, p.b.data += product * b_step;
    return p;
  }
};

template <class T>
Finish<T> finish_of(const Gemm& g) {
  return {
      .y = g.y.as<T>(), .N = static_cast<int>(g.N), .alpha = static_cast<float>(g.alpha), .bias = g.bias.as<float>()};
}

template <class T, Run RA, Run RB>
MatrixProduct<T, RA, RB> product_of(const Gemm& g) {
  constexpr bool kAlongA = RA == Run::along_k, kAlongB = RB == Run::along_k;
  const std::int64_t a_pitch = kAlongA ? g.K : g.M, b_pitch = kAlongB ? g.K : g.N;
  return {.a = {g.a.as<T>(), a_pitch, static_cast<int>(g.M), a_pitch % kVector<T> == 0},
          .b = {g.b.as<T>(), b_pitch, static_cast<int>(g.N), b_pitch % kVector<T> == 0},
          .a_step = g.shared_a ? 0 : g.M * g.K,
          .b_step = g.shared_b ? 0 : g.K * g.N,
          .M = static_cast<int>(g.M),
          .K = static_cast<int>(g.K),
          .grid = {},
          .finish = finish_of<T>(g)};
}

/// Calls f(product) with the product's type: where the operands' contiguous directions lie.
template <class T, class F>
void visit_product(const Gemm& g, F&& f) {
  if (g.transpose_a && g.transpose_b) return f(product_of<T, Run::across_k, Run::along_k>(g));
  if (g.transpose_a) return f(product_of<T, Run::across_k, Run::across_k>(g));
  if (g.transpose_b) return f(product_of<T, Run::along_k, Run::along_k>(g));
  f(product_of<T, Run::along_k, Run::across_k>(g));
}

template <class Large, class Small>
bool takes_large_tiles(const Gemm& g, const DeviceInfo& gpu) {
  return large_tiles_pay<Large, Small>(gpu,
                                       [&](int m, int n, int k) { return tile_grid(g.batch, g.M, g.N, g.K, m, n, k); });
}

}  // namespace sumi::cuda
