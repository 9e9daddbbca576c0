#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/gemm/rows.h"

namespace sumi {
namespace {

template <class T>
void gemm(const Gemm& g, Context& ctx) {
  parallel_for(ctx, g.batch * g.M * g.N, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t n = i % g.N, m = i / g.N % g.M, image = i / g.N / g.M;
      const T* a = g.a.as<T>() + (g.shared_a ? 0 : image * g.M * g.K);
      const T* b = g.b.as<T>() + (g.shared_b ? 0 : image * g.K * g.N);
      double sum = 0;
      for (std::int64_t k = 0; k < g.K; k++)
        sum += load(a, g.transpose_a ? k * g.M + m : m * g.K + k) * load(b, g.transpose_b ? n * g.K + k : k * g.N + n);
      store(g.y.as<T>(), i, g.alpha * sum + param(g.bias, n, 0));
    }
  });
}

}  // namespace

void gemm_reference(const Gemm& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { gemm<decltype(t)>(a, ctx); });
}

}  // namespace sumi
