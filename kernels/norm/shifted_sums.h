// Statistics from shifted sums of chunks.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi {

void norm_stats_shifted_sums(const NormStats& a, Context& ctx);

}  // namespace sumi
