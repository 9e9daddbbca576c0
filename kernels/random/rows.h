// The functions behind the rows of the random table.
#pragma once
#include "kernels/random/random.h"

namespace sumi {

/// The definition: block by block.
void random_fill_reference(const RandomFill& a, Context& ctx);

/// The same bits, many blocks at a time.
void random_fill_vectorized(const RandomFill& a, Context& ctx);

namespace cuda {

/// The same bits, 16 bytes a thread.
void random_fill_vectorized(const RandomFill& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
