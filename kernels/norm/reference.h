// The definition: plain loops, summed in double whatever the storage type.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi {

void norm_stats_reference(const NormStats& a, Context& ctx);
void norm_fold_reference(const NormFold& a, Context& ctx);
void norm_apply_reference(const NormApply& a, Context& ctx);
void norm_backward_reference(const NormBackward& a, Context& ctx);

}  // namespace sumi
