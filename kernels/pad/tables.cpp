// The rows, in order of preference.
#include "kernels/pad/pad.h"
#include "kernels/pad/reference.h"
#include "kernels/pad/separable.h"

namespace sumi {
namespace {

constexpr Variant<PadForward> kForward[] = {
#if SUMI_CUDA
    {"separable", DeviceKind::cuda, kGpuFloats, every_case<PadForward>, cuda::pad_forward_separable},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PadForward>, pad_forward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PadForward>, pad_forward_reference},
};
constexpr Variant<PadBackward> kBackward[] = {
#if SUMI_CUDA
    {"separable", DeviceKind::cuda, kGpuFloats, every_case<PadBackward>, cuda::pad_backward_separable},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PadBackward>, pad_backward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PadBackward>, pad_backward_reference},
};

}  // namespace

Table<PadForward> PadForward::table() { return kForward; }
Table<PadBackward> PadBackward::table() { return kBackward; }

}  // namespace sumi
