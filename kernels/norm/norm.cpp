#include "kernels/norm/norm.h"

namespace sumi {

Operands NormStats::operands() {
  return {{"x", &x, d.count(), Role::input},
          {"mean", &mean, d.stats(), Role::output, true},
          {"var", &var, d.stats(), Role::output, true}};
}

Operands NormFold::operands() {
  const std::int64_t moments = from_channels ? d.N * d.C : d.stats();
  return {{"mean", &mean, moments, Role::input, true},
          {"var", &var, moments, Role::input, true, Fill::positive},
          {"weight", &weight, d.C, Role::input, true, Fill::gaussian, true},
          {"bias", &bias, d.C, Role::input, true, Fill::gaussian, true},
          {"scale", &scale, d.N * d.C, Role::output, true},
          {"shift", &shift, d.N * d.C, Role::output, true}};
}

std::string NormApply::key() const {
  constexpr std::string_view enlarge[] = {"", "nearest2", "bilinear2"};
  std::string s = concat('N', d.N, 'H', d.H, 'W', d.W, 'C', d.C, scale ? "+affine" : "", '+', name_of(act),
                         residual ? "+res" : "", enlarge[static_cast<int>(upsample)]);
  if (pad != Pad4{}) s += concat("p", pad.top, '_', pad.bottom, '_', pad.left, '_', pad.right, name_of(pad_mode));
  return s;
}

double NormApply::bytes() const {
  const std::int64_t elements = d.count() * (residual ? 2 : 1) + y_dims().count();
  return static_cast<double>(elements) * static_cast<double>(size_of(dtype()));
}

Operands NormApply::operands() {
  return {{"x", &x, d.count(), Role::input},
          {"scale", &scale, d.N * d.C, Role::input, true, Fill::gaussian, true},
          {"shift", &shift, d.N * d.C, Role::input, true, Fill::gaussian, true},
          {"residual", &residual, d.count(), Role::input, false, Fill::gaussian, true},
          {"y", &y, y_dims().count(), Role::output}};
}

Operands NormBackward::operands() {
  return {{"x", &x, d.count(), Role::input},
          {"dy", &dy, d.count(), Role::input},
          {"mean", &mean, d.stats(), Role::input, true},
          {"var", &var, d.stats(), Role::input, true, Fill::positive},
          {"weight", &weight, d.C, Role::input, true, Fill::gaussian, true},
          {"bias", &bias, d.C, Role::input, true, Fill::gaussian, true},
          {"dx", &dx, d.count(), Role::output, false, Fill::gaussian, true},
          {"dweight", &dweight, d.C, Role::output, true, Fill::gaussian, true},
          {"dbias", &dbias, d.C, Role::output, true, Fill::gaussian, true}};
}

}  // namespace sumi
