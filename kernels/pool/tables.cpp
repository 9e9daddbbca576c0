// The rows, in order of preference.
#include "kernels/pool/pool.h"
#include "kernels/pool/reference.h"

namespace sumi {
namespace {

template <class Args>
bool always(const Args&, const DeviceInfo&) {
  return true;
}

constexpr Variant<PoolForward> kForward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<PoolForward>, pool_forward_reference},
};
constexpr Variant<PoolBackward> kBackward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<PoolBackward>, pool_backward_reference},
};

}  // namespace

Table<PoolForward> PoolForward::table() { return kForward; }
Table<PoolBackward> PoolBackward::table() { return kBackward; }

}  // namespace sumi
