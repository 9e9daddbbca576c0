// One pass each; sums in double over parts cut by the shape alone, added in order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/loss/chunked.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/loss/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kPart = 16384;

/// The sum of f(a - b).
template <Loss F, class T>
double sum_of_losses(const T* a, const T* b, std::int64_t n, float delta) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; i++)
    sum += loss_value<F, float>(static_cast<float>(a[i]) - static_cast<float>(b[i]), delta);
  return sum;
}

template <Loss F, class T>
void gradient(const T* x, const T* target, T* dx, std::int64_t n, float delta, float weight) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++)
    put(dx, i, weight * loss_derivative<F, float>(static_cast<float>(x[i]) - static_cast<float>(target[i]), delta));
}

void run_forward(const LossForward& a, Context& ctx) {
  const std::int64_t parts = (a.n + kPart - 1) / kPart;
  const Scratch scratch = ctx.scratch(static_cast<std::size_t>(parts) * sizeof(double));
  auto* sums = scratch.as<double>();
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_loss(a.f, [&](auto f) {
      using T = decltype(t);
      parallel_for(ctx, parts, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t p = begin; p < end; p++)
          sums[p] = sum_of_losses<decltype(f)::value>(a.x.as<T>() + p * kPart, a.target.as<T>() + p * kPart,
                                                      std::min(kPart, a.n - p * kPart), static_cast<float>(a.delta));
      });
    });
  });
  double sum = 0;
  for (std::int64_t p = 0; p < parts; p++) sum += sums[p];
  store_param(a.loss, 0, sum / static_cast<double>(a.n));
}

void run_backward(const LossBackward& a, Context& ctx) {
  const auto weight = static_cast<float>(param(a.dloss, 0, 1) / static_cast<double>(a.n));
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_loss(a.f, [&](auto f) {
      using T = decltype(t);
      parallel_for(ctx, a.n, kPart, [&](std::int64_t begin, std::int64_t end) {
        gradient<decltype(f)::value>(a.x.as<T>() + begin, a.target.as<T>() + begin, a.dx.as<T>() + begin, end - begin,
                                     static_cast<float>(a.delta), weight);
      });
    });
  });
}

/// Each image row has its two sums: to the row below, and to the right.
void run_variation(const TotalVariationForward& a, Context& ctx) {
  const Dims4& d = a.d;
  const std::int64_t rows = d.N * d.H, length = d.W * d.C;
  const Scratch scratch = ctx.scratch(static_cast<std::size_t>(rows) * 2 * sizeof(double));
  auto* sums = scratch.as<double>();
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_loss(loss_of_power(a.p), [&](auto f) {
      constexpr Loss kF = decltype(f)::value;
      using T = decltype(t);
      parallel_for(ctx, rows, std::max<std::int64_t>(1, kPart / length), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; r++) {
          const T* x = a.x.as<T>() + r * length;
          sums[2 * r] = r % d.H + 1 < d.H ? sum_of_losses<kF>(x + length, x, length, 1.f) : 0;
          sums[2 * r + 1] = sum_of_losses<kF>(x + d.C, x, length - d.C, 1.f);
        }
      });
    });
  });
  double vertical = 0, horizontal = 0;
  for (std::int64_t r = 0; r < rows; r++) vertical += sums[2 * r], horizontal += sums[2 * r + 1];
  store_param(a.loss, 0, vertical * weight_of(vertical_pairs(d)) + horizontal * weight_of(horizontal_pairs(d)));
}

/// What the four neighbours pull; a missing neighbour is the pixel itself, which pulls nothing.
template <Loss F, class T>
void pull(const T* x, const T* up, const T* down, const T* left, const T* right, T* dx, std::int64_t n, float vertical,
          float horizontal) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; i++) {
    const auto at = [i](const T* p) { return static_cast<float>(p[i]); };
    const float v = at(x);
    const float of_column = loss_derivative<F, float>(v - at(up), 1) - loss_derivative<F, float>(at(down) - v, 1);
    const float of_row = loss_derivative<F, float>(v - at(left), 1) - loss_derivative<F, float>(at(right) - v, 1);
    put(dx, i, vertical * of_column + horizontal * of_row);
  }
}

template <Loss F, class T>
void variation_row(const TotalVariationBackward& a, std::int64_t r, float vertical, float horizontal) {
  const std::int64_t C = a.d.C, H = a.d.H, length = a.d.W * C, h = r % H;
  const T *x = a.x.as<T>() + r * length, *up = h > 0 ? x - length : x, *down = h + 1 < H ? x + length : x;
  T* dx = a.dx.as<T>() + r * length;
  const auto part = [&](std::int64_t begin, std::int64_t end, std::int64_t left, std::int64_t right) {
    pull<F>(x + begin, up + begin, down + begin, x + begin - left, x + begin + right, dx + begin, end - begin, vertical,
            horizontal);
  };
  if (a.d.W == 1) return part(0, C, 0, 0);
  part(0, C, 0, C);
  part(C, length - C, C, C);
  part(length - C, length, C, 0);
}

void run_variation_gradient(const TotalVariationBackward& a, Context& ctx) {
  const Dims4& d = a.d;
  const double dloss = param(a.dloss, 0, 1);
  const auto vertical = static_cast<float>(dloss * weight_of(vertical_pairs(d)));
  const auto horizontal = static_cast<float>(dloss * weight_of(horizontal_pairs(d)));
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_loss(loss_of_power(a.p), [&](auto f) {
      using T = decltype(t);
      const std::int64_t grain = std::max<std::int64_t>(1, kPart / (d.W * d.C));
      parallel_for(ctx, d.N * d.H, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; r++) variation_row<decltype(f)::value, T>(a, r, vertical, horizontal);
      });
    });
  });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_forward);
HWY_EXPORT(run_backward);
HWY_EXPORT(run_variation);
HWY_EXPORT(run_variation_gradient);

void loss_forward_chunked(const LossForward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_forward)(a, ctx); }
void loss_backward_vectorized(const LossBackward& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_backward)(a, ctx); }
void total_variation_forward_chunked(const TotalVariationForward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_variation)(a, ctx);
}
void total_variation_backward_vectorized(const TotalVariationBackward& a, Context& ctx) {
  HWY_DYNAMIC_DISPATCH(run_variation_gradient)(a, ctx);
}

}  // namespace sumi
#endif
