// The rows, in order of preference.
#include "kernels/cast/rows.h"

namespace sumi {
namespace {

constexpr Variant<Cast> kCast[] = {
    {"reference", DeviceKind::cpu, kAllFloats | only(DType::u8), every_case<Cast>, cast_reference},
};

}  // namespace

Table<Cast> Cast::table() { return kCast; }

}  // namespace sumi
