#include "kernels/pad/pad.h"

namespace sumi {
namespace {

std::string describe(const Dims4& d, const Pad4& pad, PadMode mode) {
  return concat('N', d.N, 'H', d.H, 'W', d.W, 'C', d.C, 'p', pad.top, '_', pad.bottom, '_', pad.left, '_', pad.right,
                name_of(mode));
}

double moved(const Dims4& x, const Dims4& y, DType t) {
  return static_cast<double>(x.count() + y.count()) * static_cast<double>(size_of(t));
}

}  // namespace

std::string PadForward::key() const { return describe(d, pad, mode); }
std::string PadBackward::key() const { return describe(d, pad, mode); }

Operands PadForward::operands() {
  return {{"x", &x, d.count(), Role::input}, {"y", &y, y_dims().count(), Role::output}};
}

Operands PadBackward::operands() {
  return {{"dy", &dy, y_dims().count(), Role::input}, {"dx", &dx, d.count(), Role::output}};
}

double PadForward::bytes() const { return moved(d, y_dims(), dtype()); }
double PadBackward::bytes() const { return moved(d, y_dims(), dtype()); }

}  // namespace sumi
