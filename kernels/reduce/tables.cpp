// The rows, in order of preference.
#include "kernels/reduce/rows.h"

namespace sumi {
namespace {

constexpr Variant<Reduce> kReduce[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Reduce>, reduce_reference},
};

}  // namespace

Table<Reduce> Reduce::table() { return kReduce; }

}  // namespace sumi
