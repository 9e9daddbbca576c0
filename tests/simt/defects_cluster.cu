// Clusters of two blocks: tiles that both bring, arrivals at the other's barriers, barriers of both.
#include "kernels/device/elements.h"
#include "kernels/device/hopper.h"
#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

enum class Share {
  right,
  no_remote_arrival,
  own_arrivals_only,
  few_arrivals,
  early_arrival,
  no_barrier_at_start,
  no_barrier_at_end,
  wrong_half,
  own_half_only,
  no_warp_barrier,
  no_block_barrier
};

/// Sums of a matrix's rows of 64, in every block of a cluster: each block brings half of a row for both, two rows
/// ahead.
template <Share D>
__global__ void share(const __grid_constant__ CUtensorMap map, float* y, int rows) {
  constexpr int kStages = 2;
  auto* stages = dyn_smem<float>();  // (kStages,64), then sums (32)
  auto* full = reinterpret_cast<Mbarrier*>(stages + kStages * 64 + 32);
  Mbarrier* const empty = full + kStages;
  const unsigned rank = blockIdx.x % 2;
  const int lane = static_cast<int>(threadIdx.x % 32);
  constexpr bool kAlone = D == Share::own_arrivals_only;
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; s++)
      init_barrier(full + s, 1), init_barrier(empty + s, kAlone || D == Share::few_arrivals ? 1 : 2);
    fence_barriers();
  }
  if (D == Share::no_barrier_at_start)
    __syncthreads();
  else
    wait_for_cluster();
  float sum = 0;
  for (int r = 0; r < rows; r++) {
    const int s = r % kStages;
    float* const stage = stages + s * 64;
    const auto phase = static_cast<unsigned>(r / kStages % 2);
    if (threadIdx.x == 0) {
      wait_for_phase(empty + s, phase ^ 1u);
      arrive_expecting(full + s, 256);
      load_box_to_blocks(D == Share::own_half_only ? 1u << rank : 3u, stage + (D == Share::wrong_half ? 0 : 32 * rank),
                         &map, full + s, static_cast<int>(32 * rank), r, 0);
    } else if (threadIdx.x >= 32) {
      wait_for_phase(full + s, phase);
      if (D == Share::early_arrival && lane == 0) arrive(empty + s), arrive_at_block(empty + s, rank ^ 1u);
      sum += stage[lane] - 2 * stage[63 - lane];
      if (D != Share::no_warp_barrier) __syncwarp();
      if (D == Share::early_arrival || lane > 0) continue;
      arrive(empty + s);
      if (!kAlone && D != Share::no_remote_arrival) arrive_at_block(empty + s, rank ^ 1u);
    }
  }
  if (threadIdx.x >= 32) stages[kStages * 64 + lane] = sum;
  if (D != Share::no_block_barrier) __syncthreads();
  if (threadIdx.x < 32) y[blockIdx.x * 32 + threadIdx.x] = stages[kStages * 64 + 31 - lane];
  if (D != Share::no_barrier_at_end) wait_for_cluster();
}

template <Share D>
bool run_share(bool seeded) {
  constexpr int kRows = 7, kBlocks = 4;
  const OnDevice<float> x(counting(64 * kRows)), y(32 * kBlocks);
  const CUtensorMap map = tensor_map(
      TiledTensor{.data = x.get(), .rank = 3, .size = {64, kRows, 1}, .stride = {0, 256, 256}, .box = {32, 1, 1}});
  launch(seeded ? share<D> : share<Share::right>, {kBlocks, 64, 1024, nullptr, 2}, map, y.get(), kRows);
  std::vector<float> want(32 * kBlocks);
  for (int b = 0; b < kBlocks; b++)
    for (int r = 0; r < kRows; r++)
      for (int i = 0; i < 32; i++)
        want[static_cast<std::size_t>(b * 32 + 31 - i)] +=
            static_cast<float>(r * 64 + i + 1) - 2 * static_cast<float>(r * 64 + 63 - i + 1);
  return y.read() == want;
}

/// A block's values for the other one, through global memory.
template <bool Together>
__global__ void exchange(const float* x, float* y, float* z) {
  const unsigned own = blockIdx.x * 32 + threadIdx.x, other = (blockIdx.x ^ 1u) * 32 + 31 - threadIdx.x;
  y[own] = x[own];
  if (Together)
    wait_for_cluster();
  else
    __syncthreads();
  z[own] = y[other];
}

bool run_exchange(bool seeded) {
  const OnDevice<float> x(counting(128)), y(128), z(128);
  launch(seeded ? exchange<false> : exchange<true>, {4, 32, 0, nullptr, 2}, x.get(), y.get(), z.get());
  std::vector<float> want(128);
  for (std::size_t i = 0; i < 128; i++) want[i] = static_cast<float>((i / 32 ^ 1) * 32 + 31 - i % 32 + 1);
  return z.read() == want;
}

}  // namespace

std::vector<Defect> cluster_defects() {
  return {
      {"cluster: a stage is given back to its own block only", run_share<Share::no_remote_arrival>, everywhere},
      {"cluster: a stage overwritten while the other block reads", run_share<Share::own_arrivals_only>, everywhere},
      {"cluster: empty after one of two arrivals", run_share<Share::few_arrivals>, everywhere},
      {"cluster: given back before it is read", run_share<Share::early_arrival>, race},
      {"cluster: given back before the warp has read", run_share<Share::no_warp_barrier>, race},
      {"cluster: no barrier of both blocks at the start", run_share<Share::no_barrier_at_start>, everywhere},
      {"cluster: no barrier of both blocks at the end", run_share<Share::no_barrier_at_end>, everywhere},
      {"cluster: both halves to the same place", run_share<Share::wrong_half>, everywhere},
      {"cluster: a half for one block only", run_share<Share::own_half_only>, everywhere},
      {"cluster: a block's own barrier missing", run_share<Share::no_block_barrier>, everywhere},
      {"cluster: one block's barrier where both must meet", run_exchange, everywhere},
  };
}

}  // namespace sumi::test
