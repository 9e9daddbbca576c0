// A few numbers: N C of them. What counts is one launch of some 2 us, so that anything around it stays memory bound.
// 1 to 32 threads share a statistic, by its number of channels; in double, rounded once.
#include "kernels/device/elements.h"
#include "kernels/device/warp.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 128;

struct Fold {
  int groups, Cg, C, images, stats;  // images that share a statistic
  int width;                         // threads that share a statistic, a power of two up to 32
  bool from_channels;
  double eps;
  const float *mean, *var, *weight, *bias;
  float *scale, *shift;             // (N,C)
  float *merged_mean, *merged_var;  // (N,groups) or (1,groups); may be null
};

__global__ void __launch_bounds__(kThreads) fold(Fold f) {
  const int wanted = static_cast<int>((blockIdx.x * kThreads + threadIdx.x) / static_cast<unsigned>(f.width));
  const int s = wanted < f.stats ? wanted : f.stats - 1;  // the last ones again, so that whole warps add up
  const int sub = static_cast<int>(threadIdx.x) & (f.width - 1);
  const std::int64_t first = std::int64_t{s / f.groups} * f.images * f.C + std::int64_t{s % f.groups} * f.Cg;
  const auto for_each_channel = [&](auto&& use) {  // of image n: channel j of the group, element of (N,C)
    for (int n = 0; n < f.images; n++)
      for (int j = sub; j < f.Cg; j += f.width) use(j, first + std::int64_t{n} * f.C + j);
  };
  double mean = 0, var = 0;
  if (f.from_channels) {
    const auto plus = [](double a, double b) { return a + b; };
    const double parts = static_cast<double>(f.images) * f.Cg;
    for_each_channel([&](int, std::int64_t i) { mean += static_cast<double>(f.mean[i]); });
    mean = group_reduce(mean, f.width, plus) / parts;
    for_each_channel([&](int, std::int64_t i) {
      const double apart = static_cast<double>(f.mean[i]) - mean;
      var += static_cast<double>(f.var[i]) + apart * apart;
    });
    var = group_reduce(var, f.width, plus) / parts;
  } else {
    mean = static_cast<double>(f.mean[s]), var = static_cast<double>(f.var[s]);
  }
  if (wanted >= f.stats) return;
  if (f.merged_mean && sub == 0) f.merged_mean[s] = static_cast<float>(mean);
  if (f.merged_var && sub == 0) f.merged_var[s] = static_cast<float>(var);
  const double rstd = 1 / sqrt(var + f.eps);
  for_each_channel([&](int j, std::int64_t i) {
    const int c = s % f.groups * f.Cg + j;
    const double scale = f.weight ? static_cast<double>(f.weight[c]) * rstd : rstd;
    f.scale[i] = static_cast<float>(scale);
    f.shift[i] = static_cast<float>((f.bias ? static_cast<double>(f.bias[c]) : 0) - mean * scale);
  });
}

}  // namespace

void norm_fold_lanes_per_group(const NormFold& a, Context& ctx) {
  const NormDims& d = a.d;
  Fold f{.groups = static_cast<int>(d.groups),
         .Cg = static_cast<int>(d.C / d.groups),
         .C = static_cast<int>(d.C),
         .images = static_cast<int>(d.N / d.rows()),
         .stats = static_cast<int>(d.stats()),
         .width = 1,
         .from_channels = a.from_channels,
         .eps = a.eps,
         .mean = a.mean.as<float>(),
         .var = a.var.as<float>(),
         .weight = a.weight.as<float>(),
         .bias = a.bias.as<float>(),
         .scale = a.scale.as<float>(),
         .shift = a.shift.as<float>(),
         .merged_mean = a.merged_mean.as<float>(),
         .merged_var = a.merged_var.as<float>()};
  while (f.width < 32 && 2 * f.width <= f.Cg) f.width *= 2;
  launch(fold, {blocks_for(d.stats() * f.width, kThreads), kThreads, 0, ctx.stream()}, f);
}

}  // namespace sumi::cuda
