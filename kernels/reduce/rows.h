// The functions behind the rows of the reduce table.
#pragma once
#include "kernels/reduce/reduce.h"

namespace sumi {

/// The definition: one pass in memory order, accumulated in double.
void reduce_reference(const Reduce& a, Context& ctx);

}  // namespace sumi
