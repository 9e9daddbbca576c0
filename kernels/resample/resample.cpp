#include "kernels/resample/resample.h"

namespace sumi {
namespace {

template <class Args>
std::string describe(const Args& a) {
  constexpr std::string_view conventions[] = {"half_pixel", "align_corners", "asymmetric"};
  const std::string_view how = a.interpolation == Interpolation::nearest ? std::string_view("nearest")
                                                                         : conventions[static_cast<int>(a.coordinates)];
  return concat('N', a.d.N, 'H', a.d.H, 'W', a.d.W, 'C', a.d.C, 'P', a.P, 'Q', a.Q, how);
}

double moved(const Dims4& x, std::int64_t P, std::int64_t Q, DType t) {
  return static_cast<double>(x.count() + x.N * P * Q * x.C) * static_cast<double>(size_of(t));
}

}  // namespace

std::string ResampleForward::key() const { return describe(*this); }
std::string ResampleBackward::key() const { return describe(*this); }
std::string PixelShuffle::key() const {
  return concat('N', d.N, 'H', d.H, 'W', d.W, 'C', d.C, 'b', block, inverse ? "inverse" : "");
}

Operands ResampleForward::operands() {
  return {{"x", &x, d.count(), Role::input}, {"y", &y, d.N * P * Q * d.C, Role::output}};
}
Operands ResampleBackward::operands() {
  return {{"dy", &dy, d.N * P * Q * d.C, Role::input}, {"dx", &dx, d.count(), Role::output}};
}
Operands PixelShuffle::operands() { return {{"x", &x, d.count(), Role::input}, {"y", &y, d.count(), Role::output}}; }

double ResampleForward::bytes() const { return moved(d, P, Q, dtype()); }
double ResampleBackward::bytes() const { return moved(d, P, Q, dtype()); }

}  // namespace sumi
