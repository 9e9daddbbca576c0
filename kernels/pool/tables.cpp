// The rows, in order of preference.
#include "kernels/pool/gather.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/reference.h"
#include "kernels/pool/separable.h"

namespace sumi {
namespace {

/// The pixels of a window are numbered in f32, which counts to 2^24.
bool maxima(const PoolBackward& a, const DeviceInfo&) {
  return a.pooling == Pooling::max && std::int64_t{a.d.R} * a.d.S <= 1 << 24;
}
bool averages(const PoolBackward& a, const DeviceInfo&) { return a.pooling == Pooling::average; }

constexpr Variant<PoolForward> kForward[] = {
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PoolForward>, pool_forward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PoolForward>, pool_forward_reference},
};
constexpr Variant<PoolBackward> kBackward[] = {
    {"gather", DeviceKind::cpu, kF32BF16, maxima, pool_backward_gather},
    {"separable", DeviceKind::cpu, kF32BF16, averages, pool_backward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PoolBackward>, pool_backward_reference},
};

}  // namespace

Table<PoolForward> PoolForward::table() { return kForward; }
Table<PoolBackward> PoolBackward::table() { return kBackward; }

}  // namespace sumi
