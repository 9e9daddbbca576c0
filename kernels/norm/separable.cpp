#include "kernels/norm/separable.h"

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/map/activations.h"
#include "kernels/norm/channels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/separable.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/core/separable-inl.h"
#include "kernels/norm/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

/// act(x * scale + shift) + residual.
template <class T, Map kAct>
struct AppliedLoad {
  const T *row, *residual;
  const float *scale, *shift;
  std::int64_t period;
  float a;
  AppliedLoad at_row(std::int64_t offset) const {
    return {row + offset, residual ? residual + offset : nullptr, scale, shift, period, a};
  }
  HWY_INLINE FloatVector applied(FloatVector x, std::int64_t phase) const {
    return activate<kAct>(hn::MulAdd(x, load_vector(scale + phase), load_vector(shift + phase)), constant(a));
  }
  HWY_INLINE FloatVector whole(std::int64_t j, std::int64_t phase) const {
    const auto y = applied(load_vector(row + j), phase);
    return residual ? hn::Add(y, load_vector(residual + j)) : y;
  }
  HWY_INLINE FloatVector part(std::int64_t j, std::int64_t phase, std::int64_t count) const {
    const auto y = applied(load_part(row + j, count), phase);
    return residual ? hn::Add(y, load_part(residual + j, count)) : y;
  }
};

template <class T, Map kAct>
void rows_of(const NormApply& a, const SeparableMap& m, const float* patterns, std::int64_t begin, std::int64_t end,
             float* scratch) {
  const std::int64_t P = m.rows.outputs(), Q = m.columns.outputs(), image = a.d.H * a.d.W * a.d.C;
  const bool stream = m.y_count() * static_cast<std::int64_t>(sizeof(T)) >= kStreamBytes;
  for (std::int64_t i = begin; i < end; i++) {
    const std::int64_t n = i / P;
    const float* scale = patterns + 2 * n * pattern_size(a.d.C);
    const AppliedLoad<T, kAct> load{a.x.as<T>() + n * image,
                                    a.residual ? a.residual.as<T>() + n * image : nullptr,
                                    scale,
                                    scale + pattern_size(a.d.C),
                                    channel_period(a.d.C),
                                    static_cast<float>(a.a)};
    separable_row<false>(m, load, i % P, a.y.as<T>() + i * Q * m.C, 0, stream, scratch);
  }
  if (stream) hwy::FlushStream();
}

/// Output rows [begin,end) of N*P.
void apply_rows(const NormApply& a, const SeparableMap& m, const float* patterns, std::int64_t begin, std::int64_t end,
                float* scratch) {
  visit_f32_bf16(a.dtype(), [&](auto t) {
    visit_activation(
        a.act, [&](auto act) { rows_of<decltype(t), decltype(act)::value>(a, m, patterns, begin, end, scratch); });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(apply_rows);

/// The enlarged row (or column) i as a mix of the small image's.
void add_enlarged(LineMap& m, std::int64_t i, Upsample u) {
  const std::int64_t n = m.inputs, near = u == Upsample::none ? i : i / 2, other = i % 2 ? near + 1 : near - 1;
  if (u != Upsample::bilinear2 || other < 0 || other >= n) return m.add(near, 1);
  m.add(std::min(near, other), near < other ? 0.75f : 0.25f);
  m.add(std::max(near, other), near < other ? 0.25f : 0.75f);
}

LineMap resized_line(std::int64_t n, Upsample u, int before, int after, PadMode mode) {
  const std::int64_t enlarged = u == Upsample::none ? n : 2 * n;
  LineMap m{.inputs = n};
  for (std::int64_t i = -before; i < enlarged + after; i++) {
    if (const std::int64_t at = padded_index(i, enlarged, mode); at >= 0) add_enlarged(m, at, u);
    m.end_output();
  }
  return m;
}

/// Scale and shift of each image as patterns: [N][2][pattern_size(C)].
void fill_patterns(const NormApply& a, float* patterns) {
  for (std::int64_t n = 0; n < a.d.N; n++, patterns += 2 * pattern_size(a.d.C)) {
    const auto value = [&](const TensorRef& t, double absent) {
      return [&, absent](std::int64_t c) { return static_cast<float>(param(t, n * a.d.C + c, absent)); };
    };
    fill_pattern(patterns, a.d.C, value(a.scale, 1));
    fill_pattern(patterns + pattern_size(a.d.C), a.d.C, value(a.shift, 0));
  }
}

}  // namespace

LineMaps resized_lines(std::int64_t H, std::int64_t W, Upsample upsample, const Pad4& p, PadMode mode) {
  return {resized_line(H, upsample, p.top, p.bottom, mode), resized_line(W, upsample, p.left, p.right, mode)};
}

void norm_apply_separable(const NormApply& a, Context& ctx) {
  const Dims4 y = a.y_dims();
  const SeparableMap m(resized_lines(a.d.H, a.d.W, a.upsample, a.pad, a.pad_mode), y.N, y.C);
  const auto floats = static_cast<std::size_t>(a.d.N * 2 * pattern_size(a.d.C));
  const Scratch patterns = ctx.scratch(floats * sizeof(float));
  fill_patterns(a, patterns.as<float>());
  parallel_for(ctx, y.N * y.H, 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch scratch = ctx.scratch(static_cast<std::size_t>(m.scratch_floats()) * sizeof(float));
    HWY_DYNAMIC_DISPATCH(apply_rows)(a, m, patterns.as<float>(), begin, end, scratch.as<float>());
  });
}

}  // namespace sumi
#endif
