// The rows, in order of preference.
#include "kernels/norm/channel_sums.h"
#include "kernels/norm/norm.h"
#include "kernels/norm/reference.h"
#include "kernels/norm/separable.h"
#include "kernels/norm/shifted_sums.h"

namespace sumi {
namespace {

bool activations(const NormApply& a, const DeviceInfo&) { return is_activation(a.act); }

constexpr Variant<NormStats> kStats[] = {
    {"shifted_sums", DeviceKind::cpu, kF32BF16, every_case<NormStats>, norm_stats_shifted_sums},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<NormStats>, norm_stats_reference},
};
constexpr Variant<NormFold> kFold[] = {
    {"reference", DeviceKind::cpu, kF32 | kF64, every_case<NormFold>, norm_fold_reference},
};
constexpr Variant<NormApply> kApply[] = {
    {"separable", DeviceKind::cpu, kF32BF16, activations, norm_apply_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<NormApply>, norm_apply_reference},
};
constexpr Variant<NormBackward> kBackward[] = {
    {"channel_sums", DeviceKind::cpu, kF32BF16, every_case<NormBackward>, norm_backward_channel_sums},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<NormBackward>, norm_backward_reference},
};

}  // namespace

Table<NormStats> NormStats::table() { return kStats; }
Table<NormFold> NormFold::table() { return kFold; }
Table<NormApply> NormApply::table() { return kApply; }
Table<NormBackward> NormBackward::table() { return kBackward; }

}  // namespace sumi
