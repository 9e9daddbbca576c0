// The rows, in order of preference.
#include "kernels/optimizer/rows.h"

namespace sumi {
namespace {

bool copies_fit(const OptimizerStep& o, const DeviceInfo&) {
  for (const ParameterSlot& s : o.slots)
    if (s.w.dtype != DType::f32 || (s.copy && !kF32BF16.has(s.copy.dtype))) return false;
  return true;
}

constexpr Variant<OptimizerStep> kOptimizerStep[] = {
    {"fused", DeviceKind::cpu, kF32, copies_fit, optimizer_step_fused},
    {"reference", DeviceKind::cpu, kF32 | kF64, every_case<OptimizerStep>, optimizer_step_reference},
};

}  // namespace

Table<OptimizerStep> OptimizerStep::table() { return kOptimizerStep; }

}  // namespace sumi
