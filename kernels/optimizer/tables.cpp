// The rows, in order of preference.
#include "kernels/optimizer/rows.h"

namespace sumi {
namespace {

constexpr Variant<OptimizerStep> kOptimizerStep[] = {
    {"reference", DeviceKind::cpu, kF32 | kF64, every_case<OptimizerStep>, optimizer_step_reference},
};

}  // namespace

Table<OptimizerStep> OptimizerStep::table() { return kOptimizerStep; }

}  // namespace sumi
