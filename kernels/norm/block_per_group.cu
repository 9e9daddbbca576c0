// First rung of the statistics' ladder, and what frameworks do: one block of 256 threads reads all elements of one
// statistic. Stable: sums of x - shift, with the statistic's first element for a shift.
//
// Limits. A layer norm of one image is one block on one of 132 multiprocessors: 256 threads with one 2-byte load each
// in flight move 512 bytes in some 600 ns, under 1 GB/s of 3350. And with few channels a group, neighbouring threads
// read pieces of 2 Cg bytes, each from a 32-byte sector of its own: 16 times the bytes for Cg = 1. Right only for many
// small statistics with many channels, such as a layer norm over 1024 features.
#include "kernels/device/elements.h"
#include "kernels/device/warp.h"
#include "kernels/norm/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256;

/// Elements of one statistic: `images` of HW pixels with Cg channels at stride C.
struct Members {
  std::int64_t HW, C, image;
  int images, groups, Cg;
};

template <class T>
__global__ void __launch_bounds__(kThreads) moments(const T* x, Members m, float* mean, float* var) {
  __shared__ double shared[kThreads / 32];
  const int row = static_cast<int>(blockIdx.x) / m.groups, g = static_cast<int>(blockIdx.x) % m.groups;
  const T* from = x + std::int64_t{row} * m.images * m.image + std::int64_t{g} * m.Cg;
  const float shift = to_float(from[0]);
  const int pixels = kThreads / m.Cg, channels = kThreads % m.Cg;  // a step of the whole block
  double sum = 0, square = 0;
  for (int n = 0; n < m.images; n++, from += m.image) {
    std::int64_t p = static_cast<int>(threadIdx.x) / m.Cg;
    int c = static_cast<int>(threadIdx.x) % m.Cg;
    while (p < m.HW) {
      float s = 0, q = 0;
      for (int i = 0; i < 256 && p < m.HW; i++) {  // few enough for f32
        const float v = to_float(from[p * m.C + c]) - shift;
        s += v, q += v * v;
        p += pixels, c += channels;
        if (c >= m.Cg) c -= m.Cg, p++;
      }
      sum += static_cast<double>(s), square += static_cast<double>(q);
    }
  }
  sum = block_sum(sum, shared), square = block_sum(square, shared);
  if (threadIdx.x > 0) return;
  const double count = static_cast<double>(m.HW) * m.images * m.Cg, apart = sum / count;
  mean[blockIdx.x] = static_cast<float>(static_cast<double>(shift) + apart);
  const double v = square / count - apart * apart;
  var[blockIdx.x] = static_cast<float>(v < 0 ? 0 : v);  // a NaN stays
}

}  // namespace

void norm_stats_block_per_group(const NormStats& a, Context& ctx) {
  const NormDims& d = a.d;
  const Members m{d.HW,
                  d.C,
                  d.HW * d.C,
                  static_cast<int>(d.across_batch ? d.N : 1),
                  static_cast<int>(d.groups),
                  static_cast<int>(d.C / d.groups)};
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(moments<T>, {blocks_for(d.stats(), 1), kThreads, 0, ctx.stream()}, a.x.as<T>(), m, a.mean.as<float>(),
           a.var.as<float>());
  });
}

}  // namespace sumi::cuda
