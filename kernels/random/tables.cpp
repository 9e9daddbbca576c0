// The rows, in order of preference.
#include "kernels/random/rows.h"

namespace sumi {
namespace {

constexpr Variant<RandomFill> kRandomFill[] = {
#if SUMI_CUDA
    {"vectorized", DeviceKind::cuda, kGpuFloats, every_case<RandomFill>, cuda::random_fill_vectorized},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, every_case<RandomFill>, random_fill_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<RandomFill>, random_fill_reference},
};

}  // namespace

Table<RandomFill> RandomFill::table() { return kRandomFill; }

}  // namespace sumi
