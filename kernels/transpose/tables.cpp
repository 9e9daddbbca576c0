// The rows, in order of preference.
#include "kernels/transpose/rows.h"

namespace sumi {
namespace {

constexpr Variant<Transpose> kTranspose[] = {
#if SUMI_CUDA
    {"tiled", DeviceKind::cuda, kGpuFloats, every_case<Transpose>, cuda::transpose_tiled},
    {"naive", DeviceKind::cuda, kGpuFloats, every_case<Transpose>, cuda::transpose_naive},
#endif
    {"blocked", DeviceKind::cpu, kAllFloats, every_case<Transpose>, transpose_blocked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Transpose>, transpose_reference},
};

}  // namespace

Table<Transpose> Transpose::table() { return kTranspose; }

}  // namespace sumi
