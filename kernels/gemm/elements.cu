// The rows `naive` and `tiled`: every case of every dtype.
//   naive   a thread a result: two loads a multiply-add, where a clock has 32 lanes of loads and 128 of FMA. Expected:
//           under 12 % of 67 TFLOP/s.
//   tiled   the one change: 32 x 32 tiles in shared memory, 32 times less from memory; 5 reads of shared memory for 4
//           multiply-adds. Expected: 20 %.
#include "kernels/gemm/product.h"
#include "kernels/gemm/rows.h"
#include "kernels/gemm/tile_elements.h"

namespace sumi::cuda {
namespace {

/// A strided matrix: element (i, j) at i * row + j * column.
template <class T>
struct Strided {
  const T* data;
  std::int64_t row, column;
};

template <class T>
struct GemmElements {
  using Element = T;
  Strided<T> a, b;
  std::int64_t a_step, b_step;
  int M, N, K;
  TileGrid grid;
  Finish<T> finish;

  struct Row {
    const T* data;
    std::int64_t step;
    __device__ float at(int k) const { return to_float(data[k * step]); }
  };
  struct Part {
    Strided<T> a, b;
    int M, K;
    std::int64_t first;
    __device__ Row row(int m) const { return {a.data + m * a.row, a.column}; }
    __device__ float right(int k, int n) const { return to_float(b.data[k * b.row + n * b.column]); }
    __device__ std::int64_t row_of(int m) const { return first + m; }
    __device__ int column_of(int n) const { return n; }
  };
  __device__ Part part(std::int64_t product) const {
    Part p{a, b, M, K, product * M};
    p.a.data += product * a_step, p.b.data += product * b_step;
    return p;
  }
};

template <class T>
GemmElements<T> elements_of(const Gemm& g) {
  const auto strided = [](const TensorRef& t, bool transposed, std::int64_t rows, std::int64_t columns) {
    return Strided<T>{t.as<T>(), transposed ? 1 : columns, transposed ? rows : 1};
  };
  return {.a = strided(g.a, g.transpose_a, g.M, g.K),
          .b = strided(g.b, g.transpose_b, g.K, g.N),
          .a_step = g.shared_a ? 0 : g.M * g.K,
          .b_step = g.shared_b ? 0 : g.K * g.N,
          .M = static_cast<int>(g.M),
          .N = static_cast<int>(g.N),
          .K = static_cast<int>(g.K),
          .grid = {},
          .finish = finish_of<T>(g)};
}

}  // namespace

void gemm_naive(const Gemm& g, Context& ctx) {
  visit_gpu_float(g.dtype(), [&](auto t) { launch_naive(elements_of<decltype(t)>(g), g.batch, ctx.stream()); });
}

void gemm_tiled(const Gemm& g, Context& ctx) {
  visit_gpu_float(g.dtype(), [&](auto t) { launch_tiled(elements_of<decltype(t)>(g), g.batch, ctx.stream()); });
}

}  // namespace sumi::cuda
