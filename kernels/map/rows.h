// The functions behind the rows of the two map tables.
#pragma once
#include "kernels/map/map.h"

namespace sumi {

/// The definition: computed in double whatever the storage type.
void map_forward_reference(const MapForward& a, Context& ctx);
void map_backward_reference(const MapBackward& a, Context& ctx);

/// One pass in single precision, compiled for each instruction set.
void map_forward_vectorized(const MapForward& a, Context& ctx);
void map_backward_vectorized(const MapBackward& a, Context& ctx);

namespace cuda {

void map_forward_vectorized(const MapForward& a, Context& ctx);
void map_backward_vectorized(const MapBackward& a, Context& ctx);

}  // namespace cuda
}  // namespace sumi
