// What is summed by channel is made by the rows that do nothing else: a bias gradient reads dy once, as a reduction;
// the statistics of an epilogue are the norms' own, made of what the convolution has just written and L2 may still
// hold.
#include "kernels/conv2d/channel_sums.h"

#include "kernels/norm/rows.h"
#include "kernels/reduce/rows.h"

namespace sumi::cuda {

void store_moments(const Epilogue& e, const TensorRef& y, std::int64_t images, std::int64_t pixels,
                   std::int64_t channels, Context& ctx) {
  if (!e.mean) return;
  const NormStats a{
      .d = {.N = images, .HW = pixels, .C = channels, .groups = channels}, .x = y, .mean = e.mean, .var = e.var};
  norm_stats_split(a, ctx);
}

void store_bias_gradient(const Conv2dBackwardWeight& a, Context& ctx) {
  if (!a.dbias) return;
  const Reduce sum{.dims = {1, 1, 1, a.d.N * a.d.P() * a.d.Q(), a.d.K}, .axes = 1u << 3, .x = a.dy, .y = a.dbias};
  reduce_split(sum, ctx);
}

}  // namespace sumi::cuda
