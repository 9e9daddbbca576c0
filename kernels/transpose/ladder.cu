// The shortest ladder: two rungs, one idea. Bytes: every element is read once and written once; the floor is
// 2 * count * sizeof(T) / copy bandwidth.
//   naive   a warp reads 32 neighbours of a row (one 128-byte line in f32) and writes them `rows` apart: 32 lines, of
//           which 4 bytes each are used. Writes move 8 times the bytes they carry (32-byte sectors).
//   tiled   the one change: a 32x32 tile goes through shared memory, so that both sides move whole rows and
//           writes an eighth of naive's bytes. Rows of the tile are 33 long: in a column, lane i meets bank
//           (33 i) % 32 = i, and no two lanes share one.
#include "kernels/device/elements.h"
#include "kernels/transpose/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kTile = 32, kRowsAtOnce = 8;  // 256 threads, 4 elements each
constexpr std::int64_t kMostDown = 1024;    // blocks

/// Calls tile(i0, j0, b) for this block's share of the tiles of all matrices: the grid's y and z end at 65535.
template <class Tile>
__device__ __forceinline__ void for_each_tile(std::int64_t rows, std::int64_t batch, Tile&& tile) {
  const std::int64_t j0 = std::int64_t{blockIdx.x} * kTile;
  for (std::int64_t b = blockIdx.z; b < batch; b += gridDim.z)
    for (std::int64_t i0 = std::int64_t{blockIdx.y} * kTile; i0 < rows; i0 += std::int64_t{gridDim.y} * kTile)
      tile(i0, j0, b);
}

template <class T>
__global__ void __launch_bounds__(kTile* kRowsAtOnce)
    naive(const T* x, T* y, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  for_each_tile(rows, batch, [&](std::int64_t i0, std::int64_t j0, std::int64_t b) {
    const std::int64_t j = j0 + threadIdx.x;
    for (int k = 0; k < kTile; k += kRowsAtOnce) {
      const std::int64_t i = i0 + k + threadIdx.y;
      if (i < rows && j < columns)
        y[(b * columns + j) * rows + i] = x[(b * rows + i) * columns + j];  // (batch,columns,rows)
    }
  });
}

template <class T>
__global__ void __launch_bounds__(kTile* kRowsAtOnce)
    tiled(const T* x, T* y, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  __shared__ T tile[kTile][kTile + 1];  // (rows,columns)
  for_each_tile(rows, batch, [&](std::int64_t i0, std::int64_t j0, std::int64_t b) {
    for (int k = threadIdx.y; k < kTile; k += kRowsAtOnce)
      if (i0 + k < rows && j0 + threadIdx.x < columns)
        tile[k][threadIdx.x] = x[(b * rows + i0 + k) * columns + j0 + threadIdx.x];
    __syncthreads();
    for (int k = threadIdx.y; k < kTile; k += kRowsAtOnce)
      if (j0 + k < columns && i0 + threadIdx.x < rows)
        y[(b * columns + j0 + k) * rows + i0 + threadIdx.x] = tile[threadIdx.x][k];  // (batch,columns,rows)
    __syncthreads();
  });
}

template <class T>
void run(void (*kernel)(const T*, T*, std::int64_t, std::int64_t, std::int64_t), const Transpose& a, Context& ctx) {
  if (a.count() == 0) return;
  const auto up_to = [](std::int64_t n, std::int64_t most) { return static_cast<unsigned>(std::min(n, most)); };
  const dim3 grid(blocks_for(a.columns, kTile), up_to((a.rows + kTile - 1) / kTile, kMostDown), up_to(a.batch, 1024));
  launch(kernel, {grid, dim3(kTile, kRowsAtOnce), 0, ctx.stream()}, a.x.as<T>(), a.y.as<T>(), a.rows, a.columns,
         a.batch);
}

}  // namespace

void transpose_naive(const Transpose& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run(naive<decltype(t)>, a, ctx); });
}

void transpose_tiled(const Transpose& a, Context& ctx) {
  visit_gpu_float(a.dtype(), [&](auto t) { run(tiled<decltype(t)>, a, ctx); });
}

}  // namespace sumi::cuda
