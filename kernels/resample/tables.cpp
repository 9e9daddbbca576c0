// The rows, in order of preference.
#include "kernels/resample/reference.h"
#include "kernels/resample/resample.h"
#include "kernels/resample/separable.h"
#include "kernels/resample/transpose.h"

namespace sumi {
namespace {

constexpr Variant<ResampleForward> kForward[] = {
#if SUMI_CUDA
    {"separable", DeviceKind::cuda, kGpuFloats, every_case<ResampleForward>, cuda::resample_forward_separable},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, every_case<ResampleForward>, resample_forward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<ResampleForward>, resample_forward_reference},
};
constexpr Variant<ResampleBackward> kBackward[] = {
#if SUMI_CUDA
    {"separable", DeviceKind::cuda, kGpuFloats, every_case<ResampleBackward>, cuda::resample_backward_separable},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, every_case<ResampleBackward>, resample_backward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<ResampleBackward>, resample_backward_reference},
};
constexpr Variant<PixelShuffle> kShuffle[] = {
#if SUMI_CUDA
    {"transpose", DeviceKind::cuda, kGpuFloats, every_case<PixelShuffle>, cuda::pixel_shuffle_transpose},
#endif
    {"transpose", DeviceKind::cpu, kF32 | kF16 | kBF16, every_case<PixelShuffle>, pixel_shuffle_transpose},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PixelShuffle>, pixel_shuffle_reference},
};

}  // namespace

Table<ResampleForward> ResampleForward::table() { return kForward; }
Table<ResampleBackward> ResampleBackward::table() { return kBackward; }
Table<PixelShuffle> PixelShuffle::table() { return kShuffle; }

}  // namespace sumi
