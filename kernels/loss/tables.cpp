// The rows, in order of preference.
#include "kernels/loss/rows.h"

namespace sumi {
namespace {

constexpr Variant<LossForward> kLossForward[] = {
#if SUMI_CUDA
    {"chunked", DeviceKind::cuda, kGpuFloats, every_case<LossForward>, cuda::loss_forward_chunked},
#endif
    {"chunked", DeviceKind::cpu, kF32BF16, every_case<LossForward>, loss_forward_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<LossForward>, loss_forward_reference},
};
constexpr Variant<LossBackward> kLossBackward[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kGpuFloats, every_case<LossBackward>, cuda::loss_backward_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<LossBackward>, loss_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<LossBackward>, loss_backward_reference},
};
constexpr Variant<TotalVariationForward> kTotalVariationForward[] = {
#if SUMI_CUDA
    {"stencil", DeviceKind::cuda, kGpuFloats, every_case<TotalVariationForward>, cuda::total_variation_forward_stencil},
#endif
    {"chunked", DeviceKind::cpu, kF32BF16, every_case<TotalVariationForward>, total_variation_forward_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<TotalVariationForward>, total_variation_forward_reference},
};
constexpr Variant<TotalVariationBackward> kTotalVariationBackward[] = {
#if SUMI_CUDA
    {"stencil", DeviceKind::cuda, kGpuFloats, every_case<TotalVariationBackward>,
     cuda::total_variation_backward_stencil},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<TotalVariationBackward>, total_variation_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<TotalVariationBackward>, total_variation_backward_reference},
};

}  // namespace

Table<LossForward> LossForward::table() { return kLossForward; }
Table<LossBackward> LossBackward::table() { return kLossBackward; }
Table<TotalVariationForward> TotalVariationForward::table() { return kTotalVariationForward; }
Table<TotalVariationBackward> TotalVariationBackward::table() { return kTotalVariationBackward; }

}  // namespace sumi
