// The rows, in order of preference.
#include "kernels/pool/gather.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/reference.h"
#include "kernels/pool/rows.h"
#include "kernels/pool/separable.h"

namespace sumi {
namespace {

/// The pixels of a window are numbered in f32, which counts to 2^24.
bool maxima(const PoolBackward& a, const DeviceInfo&) {
  return a.pooling == Pooling::max && std::int64_t{a.d.R} * a.d.S <= 1 << 24;
}
bool averages(const PoolBackward& a, const DeviceInfo&) { return a.pooling == Pooling::average; }

#if SUMI_CUDA
/// Every pixel of dx is in one window at most, and those between two windows belong to the one before.
bool maxima_apart(const PoolBackward& a, const DeviceInfo& device) {
  return maxima(a, device) && a.d.stride_h >= a.d.R && a.d.stride_w >= a.d.S;
}
/// The pixels of a window are numbered in 2 bytes.
bool short_maxima(const PoolBackward& a, const DeviceInfo&) {
  return a.pooling == Pooling::max && std::int64_t{a.d.R} * a.d.S < 0xFFFF;
}
#endif

constexpr Variant<PoolForward> kForward[] = {
#if SUMI_CUDA
    {"block_per_window",
     DeviceKind::cuda,
     kGpuFloats,
     every_case<PoolForward>,
     cuda::pool_forward_block_per_window,
     {},
     cuda::pool_forward_block_per_window_pays},
    {"separable", DeviceKind::cuda, kGpuFloats, every_case<PoolForward>, cuda::pool_forward_separable},
#endif
    {"separable", DeviceKind::cpu, kF32BF16, every_case<PoolForward>, pool_forward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PoolForward>, pool_forward_reference},
};
constexpr Variant<PoolBackward> kBackward[] = {
#if SUMI_CUDA
    {"cells", DeviceKind::cuda, kGpuFloats, maxima_apart, cuda::pool_backward_cells},
    {"positions", DeviceKind::cuda, kGpuFloats, short_maxima, cuda::pool_backward_positions},
    {"separable", DeviceKind::cuda, kGpuFloats, averages, cuda::pool_backward_separable},
#endif
    {"gather", DeviceKind::cpu, kF32BF16, maxima, pool_backward_gather},
    {"separable", DeviceKind::cpu, kF32BF16, averages, pool_backward_separable},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<PoolBackward>, pool_backward_reference},
};

}  // namespace

Table<PoolForward> PoolForward::table() { return kForward; }
Table<PoolBackward> PoolBackward::table() { return kBackward; }

}  // namespace sumi
