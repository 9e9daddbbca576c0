// The rows, in order of preference.
#include "kernels/norm/norm.h"
#include "kernels/norm/reference.h"

namespace sumi {
namespace {

template <class Args>
bool always(const Args&, const DeviceInfo&) {
  return true;
}

constexpr Variant<NormStats> kStats[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<NormStats>, norm_stats_reference},
};
constexpr Variant<NormFold> kFold[] = {
    {"reference", DeviceKind::cpu, kF32 | kF64, always<NormFold>, norm_fold_reference},
};
constexpr Variant<NormApply> kApply[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<NormApply>, norm_apply_reference},
};
constexpr Variant<NormBackward> kBackward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<NormBackward>, norm_backward_reference},
};

}  // namespace

Table<NormStats> NormStats::table() { return kStats; }
Table<NormFold> NormFold::table() { return kFold; }
Table<NormApply> NormApply::table() { return kApply; }
Table<NormBackward> NormBackward::table() { return kBackward; }

}  // namespace sumi
