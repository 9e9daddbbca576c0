// Between the backward's two passes: N C numbers, whose cost is that of two launches, some 2 us each. The chunks' sums
// are merged in double; what a statistic's channels add up to gives the coefficients of each image and channel, what a
// channel's images add up to the gradients of weight and bias.
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/warp.h"
#include "kernels/norm/coefficients.h"

namespace sumi::cuda {
namespace {

constexpr int kMergeAcross = 8;

/// merged (N,2,C) = sums (N,chunks,2,C) added up in double: 8 numbers, a sector, side by side, 4 or more threads for
/// each.
__global__ void __launch_bounds__(kMostMergeThreads) merge(const float* sums, int chunks, int numbers, float* merged) {
  __shared__ double parts[kMostMergeThreads];
  const unsigned blocks = static_cast<unsigned>((numbers + kMergeAcross - 1) / kMergeAcross);
  const unsigned n = blockIdx.x / blocks;
  const int i = static_cast<int>((blockIdx.x - n * blocks) * kMergeAcross + threadIdx.x % kMergeAcross);
  const float* own = sums + std::int64_t{n} * chunks * numbers + i;
  double sum = 0;
  for_each_in_batches(
      threadIdx.x / kMergeAcross, i < numbers ? chunks : 0, static_cast<int>(blockDim.x) / kMergeAcross,
      [&](std::int64_t k) { return own[k * numbers]; }, [&](float v) { sum += static_cast<double>(v); });
  parts[threadIdx.x] = sum;
  for (unsigned o = blockDim.x / 2; o >= kMergeAcross; o /= 2) {
    __syncthreads();
    if (threadIdx.x < o) parts[threadIdx.x] += parts[threadIdx.x + o];
  }
  if (threadIdx.x < kMergeAcross && i < numbers)
    merged[std::int64_t{n} * numbers + i] = static_cast<float>(parts[threadIdx.x]);
}

constexpr int kFoldThreads = 128;

struct Fold {
  int N, C, groups, Cg;
  int width;             // threads that share a statistic, a power of two up to 32
  unsigned stat_blocks;  // the blocks after them take dweight and dbias, a channel a thread
  bool frozen;
  double eps, elements;
  const float *mean, *var, *weight, *sums;  // sums (N,2,C); null: not needed
  float *coefficients, *dweight, *dbias;    // coefficients (4,N,C): mean, gain, slope, offset; null: no dx
};

__device__ double rstd_of(const Fold& f, int s) { return 1 / sqrt(static_cast<double>(f.var[s]) + f.eps); }

__device__ void fold_params(const Fold& f, int c) {
  double dweight = 0, dbias = 0;
  for (int n = 0; n < f.N; n++) {
    const float* sums = f.sums + std::int64_t{n} * 2 * f.C;
    dbias += static_cast<double>(sums[c]);
    dweight += rstd_of(f, n * f.groups + c / f.Cg) * static_cast<double>(sums[f.C + c]);
  }
  if (f.dweight) f.dweight[c] = static_cast<float>(dweight);
  if (f.dbias) f.dbias[c] = static_cast<float>(dbias);
}

__global__ void __launch_bounds__(kFoldThreads) fold(Fold f) {
  if (blockIdx.x >= f.stat_blocks) {
    const int c = static_cast<int>((blockIdx.x - f.stat_blocks) * kFoldThreads + threadIdx.x);
    if (c < f.C) fold_params(f, c);
    return;
  }
  const int stats = f.N * f.groups, wanted = static_cast<int>(blockIdx.x * kFoldThreads + threadIdx.x) / f.width;
  const int s = wanted < stats ? wanted : stats - 1;  // the last ones again, so that whole warps add up
  const int n = s / f.groups, c0 = s % f.groups * f.Cg, sub = static_cast<int>(threadIdx.x) & (f.width - 1);
  const double rstd = rstd_of(f, s);
  double g = 0, gx = 0;
  if (!f.frozen) {
    for (int c = c0 + sub; c < c0 + f.Cg; c += f.width) {
      const float* sums = f.sums + std::int64_t{n} * 2 * f.C + c;
      const double weight = f.weight ? static_cast<double>(f.weight[c]) : 1;
      g += weight * static_cast<double>(sums[0]);
      gx += weight * static_cast<double>(sums[f.C]);
    }
    const auto plus = [](double a, double b) { return a + b; };
    g = group_reduce(g, f.width, plus) / f.elements;
    gx = group_reduce(gx, f.width, plus) * rstd / f.elements;
  }
  if (wanted >= stats) return;
  const std::int64_t each = std::int64_t{f.N} * f.C;
  for (int c = c0 + sub; c < c0 + f.Cg; c += f.width) {
    float* to = f.coefficients + std::int64_t{n} * f.C + c;
    to[0] = f.mean[s];
    to[each] = static_cast<float>(f.weight ? static_cast<double>(f.weight[c]) * rstd : rstd);
    to[2 * each] = static_cast<float>(-rstd * rstd * gx);
    to[3 * each] = static_cast<float>(-rstd * g);
  }
}

Fold fold_of(const NormBackward& a, const float* sums, float* coefficients) {
  Fold f{.N = static_cast<int>(a.d.rows()),
         .C = static_cast<int>(a.d.C),
         .groups = static_cast<int>(a.d.groups),
         .Cg = static_cast<int>(a.d.C / a.d.groups),
         .width = 1,
         .stat_blocks = 0,
         .frozen = a.frozen,
         .eps = a.eps,
         .elements = static_cast<double>(a.d.per_stat()),
         .mean = a.mean.as<float>(),
         .var = a.var.as<float>(),
         .weight = a.weight.as<float>(),
         .sums = sums,
         .coefficients = coefficients,
         .dweight = a.dweight.as<float>(),
         .dbias = a.dbias.as<float>()};
  while (f.width < 32 && 2 * f.width <= f.Cg) f.width *= 2;
  if (coefficients) f.stat_blocks = blocks_for(a.d.stats() * f.width, kFoldThreads);
  return f;
}

}  // namespace

void norm_backward_coefficients(const NormBackward& a, const float* sums, std::int64_t chunks, float* coefficients,
                                Context& ctx) {
  if (!coefficients && !a.dweight && !a.dbias) return;
  const std::int64_t numbers = 2 * a.d.C, blocks = a.d.rows() * ((numbers + kMergeAcross - 1) / kMergeAcross);
  const Scratch merged = ctx.scratch(static_cast<std::size_t>(a.d.rows() * numbers) * sizeof(float));
  if (sums && chunks > 1) {
    launch(merge, {blocks_for(blocks, 1), merge_threads(chunks, kMergeAcross), 0, ctx.stream()}, sums,
           static_cast<int>(chunks), static_cast<int>(numbers), merged.as<float>());
    sums = merged.as<float>();
  }
  const Fold f = fold_of(a, sums, coefficients);
  const unsigned param_blocks = a.dweight || a.dbias ? blocks_for(a.d.C, kFoldThreads) : 0;
  launch(fold, {f.stat_blocks + param_blocks, kFoldThreads, 0, ctx.stream()}, f);
}

}  // namespace sumi::cuda
