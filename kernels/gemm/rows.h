// The functions behind the rows of the gemm table.
#pragma once
#include "kernels/gemm/gemm.h"

namespace sumi {

/// The definition: one dot product per element, summed in double.
void gemm_reference(const Gemm& a, Context& ctx);

/// Packed panels and register tiles; f32 sums.
void gemm_blocked(const Gemm& a, Context& ctx);

}  // namespace sumi
