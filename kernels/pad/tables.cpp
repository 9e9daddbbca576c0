// The rows, in order of preference.
#include "kernels/pad/pad.h"
#include "kernels/pad/reference.h"
#include "kernels/pad/separable.h"

namespace sumi {
namespace {

constexpr Variant<PadForward> kForward[] = {
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PadForward>, pad_forward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PadForward>, pad_forward_reference},
};
constexpr Variant<PadBackward> kBackward[] = {
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PadBackward>, pad_backward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PadBackward>, pad_backward_reference},
};

}  // namespace

Table<PadForward> PadForward::table() { return kForward; }
Table<PadBackward> PadBackward::table() { return kBackward; }

}  // namespace sumi
