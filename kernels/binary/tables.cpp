// The rows, in order of preference.
#include "kernels/binary/rows.h"

namespace sumi {
namespace {

constexpr Variant<Binary> kBinary[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kGpuFloats, every_case<Binary>, cuda::binary_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<Binary>, binary_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Binary>, binary_reference},
};

}  // namespace

Table<Binary> Binary::table() { return kBinary; }

}  // namespace sumi
