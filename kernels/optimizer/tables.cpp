// The rows, in order of preference.
#include "kernels/optimizer/rows.h"

namespace sumi {
namespace {

bool in_single_precision(const OptimizerStep& o, const DeviceInfo&) {
  for (const ParameterSlot& s : o.slots)
    if (s.w.dtype != DType::f32 || (s.copy && !kGpuFloats.has(s.copy.dtype))) return false;
  return true;
}

constexpr Variant<OptimizerStep> kOptimizerStep[] = {
#if SUMI_CUDA
    {"fused", DeviceKind::cuda, kF32, in_single_precision, cuda::optimizer_step_fused},
#endif
    {"fused", DeviceKind::cpu, kF32, in_single_precision, optimizer_step_fused},
    {"reference", DeviceKind::cpu, kF32 | kF64, every_case<OptimizerStep>, optimizer_step_reference},
};

}  // namespace

Table<OptimizerStep> OptimizerStep::table() { return kOptimizerStep; }

}  // namespace sumi
