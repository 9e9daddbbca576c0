// The rows, in order of preference.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/reference.h"

namespace sumi {
namespace {

template <class Args>
bool always(const Args&, const DeviceInfo&) {
  return true;
}

constexpr Variant<Conv2dForward> kForward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<Conv2dForward>, conv2d_forward_reference},
};
constexpr Variant<Conv2dBackwardInput> kBackwardInput[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<Conv2dBackwardInput>, conv2d_backward_input_reference},
};
constexpr Variant<Conv2dBackwardWeight> kBackwardWeight[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<Conv2dBackwardWeight>, conv2d_backward_weight_reference},
};

}  // namespace

Table<Conv2dForward> Conv2dForward::table() { return kForward; }
Table<Conv2dBackwardInput> Conv2dBackwardInput::table() { return kBackwardInput; }
Table<Conv2dBackwardWeight> Conv2dBackwardWeight::table() { return kBackwardWeight; }

}  // namespace sumi
