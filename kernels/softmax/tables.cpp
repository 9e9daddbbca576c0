// The rows, in order of preference.
#include "kernels/softmax/rows.h"

namespace sumi {
namespace {

constexpr Variant<SoftmaxForward> kForward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxForward>, softmax_forward_reference},
};
constexpr Variant<SoftmaxBackward> kBackward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxBackward>, softmax_backward_reference},
};

}  // namespace

Table<SoftmaxForward> SoftmaxForward::table() { return kForward; }
Table<SoftmaxBackward> SoftmaxBackward::table() { return kBackward; }

}  // namespace sumi
