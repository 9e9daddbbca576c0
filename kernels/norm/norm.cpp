#include "kernels/norm/norm.h"

namespace sumi {
namespace {

constexpr std::string_view kEnlarged[] = {"", "nearest2", "bilinear2"};

std::string padding(const Pad4& p, PadMode mode) {
  return p == Pad4{} ? "" : concat('p', p.top, '_', p.bottom, '_', p.left, '_', p.right, name_of(mode));
}

}  // namespace

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
          {"shift", &shift, d.N * d.C, Role::output, true},
          {"merged_mean", &merged_mean, d.stats(), Role::output, true, Fill::gaussian, true},
          {"merged_var", &merged_var, d.stats(), Role::output, true, Fill::gaussian, true}};
}

std::string NormApply::key() const {
  return concat('N', d.N, 'H', d.H, 'W', d.W, 'C', d.C, scale ? "+affine" : "", '+', name_of(act),
                residual ? "+res" : "", kEnlarged[static_cast<int>(upsample)], padding(pad, pad_mode));
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

std::string NormBackward::key() const {
  std::string s = concat(d.key(), frozen ? "frozen" : "", act == Map::identity ? "" : name_of(act));
  if (resized()) s += concat('W', W, kEnlarged[static_cast<int>(upsample)], padding(pad, pad_mode));
  return s + (dresidual ? "+res" : "");
}

double NormBackward::bytes() const {
  const bool stored = dresidual || upsample != Upsample::none;
  const std::int64_t elements = d.count() * (stored ? 5 : 3) + dy_dims().count() * (stored ? 1 : 2);
  return static_cast<double>(elements) * static_cast<double>(size_of(dtype()));
}

Operands NormBackward::operands() {
  return {{"x", &x, d.count(), Role::input},
          {"dy", &dy, dy_dims().count(), Role::input},
          {"mean", &mean, d.stats(), Role::input, true},
          {"var", &var, d.stats(), Role::input, true, Fill::positive},
          {"weight", &weight, d.C, Role::input, true, Fill::gaussian, true},
          {"bias", &bias, d.C, Role::input, true, Fill::gaussian, true},
          {"dx", &dx, d.count(), Role::output, false, Fill::gaussian, true},
          {"dweight", &dweight, d.C, Role::output, true, Fill::gaussian, true},
          {"dbias", &dbias, d.C, Role::output, true, Fill::gaussian, true},
          {"dresidual", &dresidual, d.count(), Role::output, false, Fill::gaussian, true}};
}

}  // namespace sumi
