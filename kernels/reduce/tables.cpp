// The rows, in order of preference.
#include "kernels/reduce/rows.h"

namespace sumi {
namespace {

bool has_view(const Reduce& a, const DeviceInfo&) {
  return view_of(a).exists && count(a.dims) > 0 && (a.y.dtype == DType::f32 || a.y.dtype == a.x.dtype);
}

#if SUMI_CUDA
bool any_axes(const Reduce& a, const DeviceInfo&) { return kGpuFloats.has(a.y.dtype); }
bool some_elements(const Reduce& a, const DeviceInfo& d) { return any_axes(a, d) && count(a.dims) > 0; }
/// The elements of a sum are neighbours in memory.
bool dense_rows(const Reduce& a, const DeviceInfo& d) {
  const ReduceView v = view_of(a);
  return some_elements(a, d) && v.exists && v.I == 1;
}
/// Many short columns are a thread's work each.
bool not_short_columns(const Reduce& a, const DeviceInfo&) {
  const ReduceView v = view_of(a);
  return v.I == 1 || v.R >= 16 || v.O * v.I < 65536;
}
#endif

constexpr Variant<Reduce> kReduce[] = {
#if SUMI_CUDA
    {"split", DeviceKind::cuda, kGpuFloats, some_elements, cuda::reduce_split, {}, not_short_columns},
    {"vectorized", DeviceKind::cuda, kGpuFloats, dense_rows, cuda::reduce_vectorized},
    {"warp", DeviceKind::cuda, kGpuFloats, dense_rows, cuda::reduce_warp},
    {"naive", DeviceKind::cuda, kGpuFloats, any_axes, cuda::reduce_naive},
#endif
    {"chunked", DeviceKind::cpu, kF32BF16, has_view, reduce_chunked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Reduce>, reduce_reference},
};

}  // namespace

Table<Reduce> Reduce::table() { return kReduce; }

}  // namespace sumi
