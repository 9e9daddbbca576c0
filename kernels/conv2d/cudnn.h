// Convolutions by NVIDIA's cuDNN 9, through its graph interface: single convolutions, and those with bias and
// activation where the library has a fused kernel. Sums are plain and f32; f32 data is not rounded to TF32.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// False where the library is not installed, or has no plan for the case: it is asked, once per case.
bool conv2d_forward_cudnn_supports(const Conv2dForward& a, const DeviceInfo& device);
void conv2d_forward_cudnn(const Conv2dForward& a, Context& ctx);
bool conv2d_backward_input_cudnn_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_backward_input_cudnn(const Conv2dBackwardInput& a, Context& ctx);
/// dbias is the sum of the op `reduce`.
bool conv2d_backward_weight_cudnn_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_backward_weight_cudnn(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi::cuda
