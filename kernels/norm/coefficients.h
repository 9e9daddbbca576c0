// What the backward's first pass sums up, and what its second pass takes.
#pragma once
#include "kernels/norm/norm.h"

namespace sumi::cuda {

/// sums (rows,chunks,2,C), of du and of du (x - mean), or null where statistics are frozen and neither dweight nor
/// dbias is wanted. Writes those, and unless null coefficients (4,rows,C) of dx = gain du + slope (x - mean) + offset:
/// mean, gain, slope, offset. Across a batch there is one row.
void norm_backward_coefficients(const NormBackward& a, const float* sums, std::int64_t chunks, float* coefficients,
                                Context& ctx);

}  // namespace sumi::cuda
