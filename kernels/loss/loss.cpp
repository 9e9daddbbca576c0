#include "kernels/loss/loss.h"

namespace sumi {
namespace {

std::string describe(Loss f, double delta, std::int64_t n) {
  constexpr std::string_view names[] = {"mse", "l1", "huber"};
  return concat(names[static_cast<int>(f)], f == Loss::huber ? concat('_', delta) : "", 'n', n);
}

std::string describe(const Dims4& d, int p) { return concat('p', p, 'N', d.N, 'H', d.H, 'W', d.W, 'C', d.C); }

}  // namespace

std::string LossForward::key() const { return describe(f, delta, n); }
std::string LossBackward::key() const { return describe(f, delta, n); }
std::string TotalVariationForward::key() const { return describe(d, p); }
std::string TotalVariationBackward::key() const { return describe(d, p); }

Operands LossForward::operands() {
  return {{"x", &x, n, Role::input}, {"target", &target, n, Role::input}, {"loss", &loss, 1, Role::output, true}};
}

Operands LossBackward::operands() {
  return {{"x", &x, n, Role::input},
          {"target", &target, n, Role::input},
          {"dloss", &dloss, 1, Role::input, true},
          {"dx", &dx, n, Role::output}};
}

Operands TotalVariationForward::operands() {
  return {{"x", &x, d.count(), Role::input}, {"loss", &loss, 1, Role::output, true}};
}

Operands TotalVariationBackward::operands() {
  return {
      {"x", &x, d.count(), Role::input}, {"dloss", &dloss, 1, Role::input, true}, {"dx", &dx, d.count(), Role::output}};
}

}  // namespace sumi
