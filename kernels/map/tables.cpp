// The rows, in order of preference.
#include "kernels/map/rows.h"

namespace sumi {
namespace {

constexpr Variant<MapForward> kForward[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kGpuFloats, every_case<MapForward>, cuda::map_forward_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<MapForward>, map_forward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<MapForward>, map_forward_reference},
};
constexpr Variant<MapBackward> kBackward[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kGpuFloats, every_case<MapBackward>, cuda::map_backward_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<MapBackward>, map_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<MapBackward>, map_backward_reference},
};

}  // namespace

Table<MapForward> MapForward::table() { return kForward; }
Table<MapBackward> MapBackward::table() { return kBackward; }

}  // namespace sumi
