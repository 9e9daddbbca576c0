// A block takes 32 rows of 64 channels, a thread a run of 16 bytes or two, through all slots, several under way at
// once: products of which several blocks share sums have few results, and up to 32 slots are four rounds of latency.
// That is less than the two launches of a pass over y.
#include "kernels/conv2d/add_splits.h"

#include "kernels/device/pixel_lanes.h"

namespace sumi::cuda {
namespace {

/// A vector's worth of a row's columns in a slot; `valid` of V, then zeros.
template <class T>
struct SlotRun {
  Vector<float> four[kVector<T> / 4];
};
template <class T>
__device__ __forceinline__ SlotRun<T> load_slot(const Finish<T>& f, const float* from, int valid) {
  SlotRun<T> run;
#pragma unroll
  for (int k = 0; k < kVector<T>; k += 4)
    run.four[k / 4] = load_run(from + k, valid - k < 4 ? valid - k : 4, f.N % 4 == 0);
  return run;
}

constexpr int kColumns = 64, kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    add_splits_summed(Finish<T> f, TileSums sums, int rows, int pixels, int splits) {
  using Line = TileLine<kColumns>;
  constexpr int V = kVector<T>, kRuns = kColumns / V;
  alignas(16) __shared__ float tile[kAddedRows * Line::kPitch];
  const int n_tiles = (f.N + kColumns - 1) / kColumns, block = static_cast<int>(blockIdx.x);
  const int m0 = block / n_tiles * kAddedRows, n0 = block % n_tiles * kColumns;
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < kAddedRows * kRuns; i += kThreads) {
    const int m = i / kRuns, n = i % kRuns * V, left = f.N - n0 - n, valid = left < V ? left : V;
    if (m0 + m >= rows || valid <= 0) continue;
    float v[V] = {};
    const float* from = f.partial + std::int64_t{m0 + m} * f.N + n0 + n;
    for_each_in_batches<8>(
        0, splits, 1, [&](std::int64_t slot) { return load_slot(f, from + slot * f.slot, valid); },
        [&](const SlotRun<T>& run) {
#pragma unroll
          for (int k = 0; k < V; k++) v[k] += run.four[k / 4].v[k % 4];
        });
    store_finished(f, v, m0 + m, n0 + n, valid);
    Line::store(tile + m * Line::kPitch, n, v);
  }
  __syncthreads();
  sums.add<kAddedRows, kColumns, kThreads>({.values = tile,
                                            .thread = static_cast<int>(threadIdx.x),
                                            .product = 0,
                                            .m0 = m0,
                                            .n0 = n0,
                                            .M = rows,
                                            .pixels = pixels},
                                           [] { __syncthreads(); });
}

}  // namespace

template <class T>
void launch_add_splits_summed(const Finish<T>& f, const TileSums& sums, std::int64_t images, std::int64_t pixels,
                              int splits, Stream stream) {
  const std::int64_t rows = images * pixels, m_tiles = (rows + kAddedRows - 1) / kAddedRows;
  launch(add_splits_summed<T>, {blocks_for(m_tiles * ((f.N + kColumns - 1) / kColumns), 1), kThreads, 0, stream}, f,
         sums, static_cast<int>(rows), static_cast<int>(pixels), splits);
}
template void launch_add_splits_summed(const Finish<float>&, const TileSums&, std::int64_t, std::int64_t, int, Stream);
template void launch_add_splits_summed(const Finish<__half>&, const TileSums&, std::int64_t, std::int64_t, int, Stream);
template void launch_add_splits_summed(const Finish<__nv_bfloat16>&, const TileSums&, std::int64_t, std::int64_t, int,
                                       Stream);

}  // namespace sumi::cuda
