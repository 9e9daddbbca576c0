// The functions behind the rows of the transpose table.
#pragma once
#include "kernels/transpose/transpose.h"

namespace sumi {

/// The definition, element by element.
void transpose_reference(const Transpose& a, Context& ctx);

/// Square blocks that fit in the first-level cache with both of their sides.
void transpose_blocked(const Transpose& a, Context& ctx);

namespace cuda {

void transpose_naive(const Transpose& a, Context& ctx);
void transpose_tiled(const Transpose& a, Context& ctx);

}  // namespace cuda
}  // namespace sumi
