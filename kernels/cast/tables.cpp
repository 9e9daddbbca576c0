// The rows, in order of preference.
#include "kernels/cast/rows.h"

namespace sumi {
namespace {

constexpr DTypes kNarrow = kF32BF16 | kF16 | only(DType::u8);

bool narrow(const Cast& a, const DeviceInfo&) { return kNarrow.has(a.y.dtype); }

constexpr Variant<Cast> kCast[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kNarrow, narrow, cuda::cast_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kNarrow, narrow, cast_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats | only(DType::u8), every_case<Cast>, cast_reference},
};

}  // namespace

Table<Cast> Cast::table() { return kCast; }

}  // namespace sumi
