// The rows, in order of preference.
#include "kernels/map/rows.h"

namespace sumi {
namespace {

constexpr Variant<MapForward> kForward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<MapForward>, map_forward_reference},
};
constexpr Variant<MapBackward> kBackward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, every_case<MapBackward>, map_backward_reference},
};

}  // namespace

Table<MapForward> MapForward::table() { return kForward; }
Table<MapBackward> MapBackward::table() { return kBackward; }

}  // namespace sumi
