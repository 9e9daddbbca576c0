// The rows, in order of preference.
#include "kernels/loss/rows.h"

namespace sumi {
namespace {

constexpr Variant<LossForward> kLossForward[] = {
    {"chunked", DeviceKind::cpu, kF32BF16, every_case<LossForward>, loss_forward_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<LossForward>, loss_forward_reference},
};
constexpr Variant<LossBackward> kLossBackward[] = {
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<LossBackward>, loss_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<LossBackward>, loss_backward_reference},
};
constexpr Variant<TotalVariationForward> kTotalVariationForward[] = {
    {"chunked", DeviceKind::cpu, kF32BF16, every_case<TotalVariationForward>, total_variation_forward_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<TotalVariationForward>, total_variation_forward_reference},
};
constexpr Variant<TotalVariationBackward> kTotalVariationBackward[] = {
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<TotalVariationBackward>, total_variation_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<TotalVariationBackward>, total_variation_backward_reference},
};

}  // namespace

Table<LossForward> LossForward::table() { return kLossForward; }
Table<LossBackward> LossBackward::table() { return kLossBackward; }
Table<TotalVariationForward> TotalVariationForward::table() { return kTotalVariationForward; }
Table<TotalVariationBackward> TotalVariationBackward::table() { return kTotalVariationBackward; }

}  // namespace sumi
