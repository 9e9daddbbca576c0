// The five epilogue activations and their gradients on vectors: what map_value and map_derivative are for single
// numbers. Included once per target.
#if defined(KERNELS_NORM_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KERNELS_NORM_ACTIVATION_INL_H_
#undef KERNELS_NORM_ACTIVATION_INL_H_
#else
#define KERNELS_NORM_ACTIVATION_INL_H_
#endif

#include "kernels/core/vectors-inl.h"
#include "kernels/map/functions.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

HWY_INLINE FloatVector constant(float v) { return hn::Set(FloatTag(), v); }

/// exp(x) = power (1 + tail) for |x| <= 88: x = n ln 2 + r, power = 2^n, tail by Taylor's series of exp(r) to r^7
/// (|r| <= 0.35: the next term is 6e-9).
struct ExpParts {
  FloatVector tail, power;
};
HWY_INLINE ExpParts exp_parts(FloatVector x) {
  const hn::RebindToSigned<FloatTag> integers;
  const auto n = hn::NearestInt(hn::Mul(x, constant(1.44269504f)));
  const auto nf = hn::ConvertTo(FloatTag(), n);
  auto r = hn::NegMulAdd(nf, constant(0.693359375f), x);  // ln 2 in two parts, the first one exact in a product
  r = hn::NegMulAdd(nf, constant(-2.12194440e-4f), r);
  auto p = hn::MulAdd(constant(1.f / 5040), r, constant(1.f / 720));
  p = hn::MulAdd(p, r, constant(1.f / 120));
  p = hn::MulAdd(p, r, constant(1.f / 24));
  p = hn::MulAdd(p, r, constant(1.f / 6));
  p = hn::MulAdd(p, r, constant(0.5f));
  return {hn::MulAdd(hn::Mul(p, r), r, r),
          hn::BitCast(FloatTag(), hn::ShiftLeft<23>(hn::Add(n, hn::Set(integers, 127))))};
}

/// m / (m + 2) with m = exp(2|x|) - 1 = power tail + (power - 1), which keeps its digits near 0. A rational function of
/// x alone would be shorter, but errs by 2.8e-7 near 1 where this one stays below 1.2e-7.
HWY_INLINE FloatVector tanh_of(FloatVector x) {
  const auto size = hn::Abs(x);
  const auto bounded = hn::IfThenElse(hn::Gt(size, constant(10.f)), constant(10.f), size);  // keeps NaN
  const ExpParts e = exp_parts(hn::Add(bounded, bounded));
  const auto m = hn::MulAdd(e.power, e.tail, hn::Sub(e.power, constant(1.f)));
  return hn::CopySign(hn::Div(m, hn::Add(m, constant(2.f))), x);
}

/// 1 / (1 + exp(-x)); below -88 it stays at exp(-88), 6e-39.
HWY_INLINE FloatVector sigmoid_of(FloatVector x) {
  const auto high = hn::IfThenElse(hn::Gt(x, constant(88.f)), constant(88.f), x);  // keeps NaN
  const auto bounded = hn::IfThenElse(hn::Lt(high, constant(-88.f)), constant(-88.f), high);
  const ExpParts e = exp_parts(hn::Neg(bounded));
  return hn::Div(constant(1.f), hn::Add(hn::MulAdd(e.power, e.tail, e.power), constant(1.f)));
}

/// `a`: leaky_relu's slope. NaN passes through all of them.
template <Map kAct>
HWY_INLINE FloatVector activate(FloatVector x, FloatVector a) {
  if constexpr (kAct == Map::relu) return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(FloatTag())), x);
  if constexpr (kAct == Map::leaky_relu) return hn::IfThenElse(hn::Lt(x, hn::Zero(FloatTag())), hn::Mul(a, x), x);
  if constexpr (kAct == Map::tanh) return tanh_of(x);
  if constexpr (kAct == Map::sigmoid) return sigmoid_of(x);
  return x;
}

/// dy act'(x).
template <Map kAct>
HWY_INLINE FloatVector through(FloatVector dy, FloatVector x, FloatVector a) {
  const auto above = hn::Gt(x, hn::Zero(FloatTag()));
  if constexpr (kAct == Map::relu) return hn::IfThenElseZero(above, dy);
  if constexpr (kAct == Map::leaky_relu) return hn::IfThenElse(above, dy, hn::Mul(a, dy));
  if constexpr (kAct == Map::tanh || kAct == Map::sigmoid) {
    const auto y = activate<kAct>(x, a), one = constant(1.f);
    return hn::Mul(dy, kAct == Map::tanh ? hn::NegMulAdd(y, y, one) : hn::NegMulAdd(y, y, y));
  }
  return dy;
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();
#endif
