// The rows, in order of preference.
#include "kernels/softmax/rows.h"

namespace sumi {
namespace {

template <class Args>
bool some_columns(const Args& a, const DeviceInfo&) {
  return a.columns > 0;
}

#if SUMI_CUDA
template <class Args>
bool fits_registers(const Args& a, const DeviceInfo&) {
  const auto vector = static_cast<std::int64_t>(16 / size_of(a.dtype()));
  return a.columns <= 256 || (a.columns <= 1024 && a.columns % vector == 0);
}
#endif

constexpr Variant<SoftmaxForward> kForward[] = {
#if SUMI_CUDA
    {"registers", DeviceKind::cuda, kGpuFloats, fits_registers<SoftmaxForward>, cuda::softmax_forward_registers},
    {"online", DeviceKind::cuda, kGpuFloats, every_case<SoftmaxForward>, cuda::softmax_forward_online},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, some_columns<SoftmaxForward>, softmax_forward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxForward>, softmax_forward_reference},
};
constexpr Variant<SoftmaxBackward> kBackward[] = {
#if SUMI_CUDA
    {"registers", DeviceKind::cuda, kGpuFloats, fits_registers<SoftmaxBackward>, cuda::softmax_backward_registers},
    {"online", DeviceKind::cuda, kGpuFloats, every_case<SoftmaxBackward>, cuda::softmax_backward_online},
#endif
    {"vectorized", DeviceKind::cpu, kF32BF16, some_columns<SoftmaxBackward>, softmax_backward_vectorized},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<SoftmaxBackward>, softmax_backward_reference},
};

}  // namespace

Table<SoftmaxForward> SoftmaxForward::table() { return kForward; }
Table<SoftmaxBackward> SoftmaxBackward::table() { return kBackward; }

}  // namespace sumi
