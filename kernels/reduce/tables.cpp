// The rows, in order of preference.
#include "kernels/reduce/rows.h"

namespace sumi {
namespace {

bool has_view(const Reduce& a, const DeviceInfo&) {
  return view_of(a).exists && count(a.dims) > 0 && (a.y.dtype == DType::f32 || a.y.dtype == a.x.dtype);
}

constexpr Variant<Reduce> kReduce[] = {
    {"chunked", DeviceKind::cpu, kF32BF16, has_view, reduce_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Reduce>, reduce_reference},
};

}  // namespace

Table<Reduce> Reduce::table() { return kReduce; }

}  // namespace sumi
