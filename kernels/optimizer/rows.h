// The functions behind the rows of the optimizer table.
#pragma once
#include "kernels/optimizer/optimizer.h"

namespace sumi {

/// The definition: computed in double, moments and weights rounded to their dtype after the step.
void optimizer_step_reference(const OptimizerStep& a, Context& ctx);

/// All slots in one pass in single precision. Copies are f32 or bf16.
void optimizer_step_fused(const OptimizerStep& a, Context& ctx);

namespace cuda {

/// One launch for up to 64 slots.
void optimizer_step_fused(const OptimizerStep& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
