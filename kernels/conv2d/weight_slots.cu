#include "kernels/conv2d/weight_slots.h"

#include "kernels/gemm/finish.h"

namespace sumi::cuda {

void add_weight_slots(const Conv2dBackwardWeight& a, const Scratch& slots, std::int64_t shares, Context& ctx) {
  const std::int64_t count = a.d.w_count();
  visit_gpu_float(a.dw.dtype, [&](auto t) {
    using T = decltype(t);
    const Finish<T> f{
        .y = a.dw.as<T>(), .N = static_cast<int>(count / a.d.K), .partial = slots.as<float>(), .slot = count};
    launch_add_splits(f, a.d.K, static_cast<int>(shares), ctx.stream());
  });
}

}  // namespace sumi::cuda
