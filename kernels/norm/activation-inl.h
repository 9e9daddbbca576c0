// The five epilogue activations on vectors. Included once per target.
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

/// exp(x) for |x| <= 88 within 2 units in the last place: x = n ln 2 + r, Taylor's series of exp(r) to r^7.
HWY_INLINE FloatVector exp_within(FloatVector x) {
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
  p = hn::MulAdd(p, r, constant(1.f));
  p = hn::MulAdd(p, r, constant(1.f));
  const auto power = hn::ShiftLeft<23>(hn::Add(n, hn::Set(integers, 127)));
  return hn::Mul(p, hn::BitCast(FloatTag(), power));
}

/// Absolute error below 1.2e-7 and, near 0, 3 units in the last place: 1 - 2 / (exp(2|x|) + 1) would lose its digits
/// there, so that an odd polynomial of degree 11 (Cephes) takes over below 0.625.
HWY_INLINE FloatVector tanh_of(FloatVector x) {
  const auto size = hn::Abs(x), square = hn::Mul(x, x);
  const auto bounded = hn::IfThenElse(hn::Gt(size, constant(10.f)), constant(10.f), size);  // keeps NaN
  const auto e = exp_within(hn::Add(bounded, bounded));
  const auto large = hn::Sub(constant(1.f), hn::Div(constant(2.f), hn::Add(e, constant(1.f))));
  auto p = hn::MulAdd(constant(-5.70498872745e-3f), square, constant(2.06390887954e-2f));
  p = hn::MulAdd(p, square, constant(-5.37397155531e-2f));
  p = hn::MulAdd(p, square, constant(1.33314422036e-1f));
  p = hn::MulAdd(p, square, constant(-3.33332819422e-1f));
  const auto small = hn::MulAdd(hn::Mul(p, square), x, x);
  return hn::IfThenElse(hn::Lt(size, constant(0.625f)), small, hn::CopySign(large, x));
}

/// 1 / (1 + exp(-x)); below -88 it stays at exp(-88), 6e-39.
HWY_INLINE FloatVector sigmoid_of(FloatVector x) {
  const auto high = hn::IfThenElse(hn::Gt(x, constant(88.f)), constant(88.f), x);  // keeps NaN
  const auto bounded = hn::IfThenElse(hn::Lt(high, constant(-88.f)), constant(-88.f), high);
  return hn::Div(constant(1.f), hn::Add(constant(1.f), exp_within(hn::Neg(bounded))));
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

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();
#endif
