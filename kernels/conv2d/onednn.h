// Convolutions by oneDNN. The library's primitives run single-threaded on bands whose cut depends on the shape alone,
// so that results never depend on the thread count; prologue, padding modes, epilogue and statistics are applied to
// each band while it is in the cache.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi {

bool conv2d_forward_onednn_supports(const Conv2dForward& a, const DeviceInfo& device);
void conv2d_forward_onednn(const Conv2dForward& a, Context& ctx);
bool conv2d_backward_input_onednn_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_backward_input_onednn(const Conv2dBackwardInput& a, Context& ctx);
bool conv2d_backward_weight_onednn_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_backward_weight_onednn(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi
