// The definition: plain loops, summed in double whatever the storage type.
#pragma once
#include "kernels/pool/pool.h"

namespace sumi {

void pool_forward_reference(const PoolForward& a, Context& ctx);
void pool_backward_reference(const PoolBackward& a, Context& ctx);

}  // namespace sumi
