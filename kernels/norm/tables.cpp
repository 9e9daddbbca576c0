// The rows, in order of preference.
#include "kernels/norm/channel_sums.h"
#include "kernels/norm/norm.h"
#include "kernels/norm/reference.h"
#include "kernels/norm/rows.h"
#include "kernels/norm/separable.h"
#include "kernels/norm/shifted_sums.h"

namespace sumi {
namespace {

template <class Args>
bool activations(const Args& a, const DeviceInfo&) {
  return is_activation(a.act);
}

/// Each of dy's positions reads one pixel.
bool folds(const NormBackward& a, const DeviceInfo&) { return a.upsample != Upsample::bilinear2; }

bool takes_dy_as_it_is(const NormBackward& a, const DeviceInfo&) {
  return is_activation(a.act) && !a.resized() && !a.dresidual;
}
bool folds_first(const NormBackward& a, const DeviceInfo& device) {
  return is_activation(a.act) && folds(a, device) && !takes_dy_as_it_is(a, device);
}
#if SUMI_CUDA
bool folds_at_load(const NormBackward& a, const DeviceInfo&) {
  return is_activation(a.act) && a.upsample == Upsample::none && !a.dresidual;
}
bool folds_once(const NormBackward& a, const DeviceInfo& device) {
  return is_activation(a.act) && folds(a, device) && !folds_at_load(a, device);
}
#endif

/// The gradient stored between the passes is rounded.
constexpr Traits kStored{.term_roundings = 1};

constexpr Variant<NormStats> kStats[] = {
#if SUMI_CUDA
    {"split",
     DeviceKind::cuda,
     kGpuFloats,
     every_case<NormStats>,
     cuda::norm_stats_split,
     {},
     cuda::norm_stats_split_pays},
    {"block_per_group", DeviceKind::cuda, kGpuFloats, every_case<NormStats>, cuda::norm_stats_block_per_group},
#endif
    {"shifted_sums", DeviceKind::cpu, kF32BF16, every_case<NormStats>, norm_stats_shifted_sums},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<NormStats>, norm_stats_reference},
};
constexpr Variant<NormFold> kFold[] = {
#if SUMI_CUDA
    {"lanes_per_group", DeviceKind::cuda, kF32, every_case<NormFold>, cuda::norm_fold_lanes_per_group},
#endif
    {"reference", DeviceKind::cpu, kF32 | kF64, every_case<NormFold>, norm_fold_reference},
};
constexpr Variant<NormApply> kApply[] = {
#if SUMI_CUDA
    {"gather", DeviceKind::cuda, kGpuFloats, activations<NormApply>, cuda::norm_apply_gather},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, activations<NormApply>, norm_apply_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<NormApply>, norm_apply_reference},
};
constexpr Variant<NormBackward> kBackward[] = {
#if SUMI_CUDA
    {"channel_sums", DeviceKind::cuda, kGpuFloats, folds_at_load, cuda::norm_backward_channel_sums},
    {"folded_once", DeviceKind::cuda, kGpuFloats, folds_once, cuda::norm_backward_channel_sums, kStored},
#endif
    {"channel_sums", DeviceKind::cpu, kF32BF16, takes_dy_as_it_is, norm_backward_channel_sums},
    {"folded_once", DeviceKind::cpu, kF32BF16, folds_first, norm_backward_channel_sums, kStored},
    {"reference", DeviceKind::cpu, kAllFloats, folds, norm_backward_reference},
};

}  // namespace

Table<NormStats> NormStats::table() { return kStats; }
Table<NormFold> NormFold::table() { return kFold; }
Table<NormApply> NormApply::table() { return kApply; }
Table<NormBackward> NormBackward::table() { return kBackward; }

}  // namespace sumi
