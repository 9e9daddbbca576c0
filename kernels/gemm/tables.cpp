// The rows, in order of preference.
#include "kernels/gemm/rows.h"

namespace sumi {
namespace {

constexpr Variant<Gemm> kGemm[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Gemm>, gemm_reference},
};

}  // namespace

Table<Gemm> Gemm::table() { return kGemm; }

}  // namespace sumi
