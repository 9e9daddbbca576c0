// The rows, in order of preference.
#include "kernels/softmax/rows.h"

namespace sumi {
namespace {

template <class Args>
bool some_columns(const Args& a, const DeviceInfo&) {
  return a.columns > 0;
}

constexpr Variant<SoftmaxForward> kForward[] = {
    {"vectorized", DeviceKind::cpu, kF32BF16, some_columns<SoftmaxForward>, softmax_forward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxForward>, softmax_forward_reference},
};
constexpr Variant<SoftmaxBackward> kBackward[] = {
    {"vectorized", DeviceKind::cpu, kF32BF16, some_columns<SoftmaxBackward>, softmax_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxBackward>, softmax_backward_reference},
};

}  // namespace

Table<SoftmaxForward> SoftmaxForward::table() { return kForward; }
Table<SoftmaxBackward> SoftmaxBackward::table() { return kBackward; }

}  // namespace sumi
