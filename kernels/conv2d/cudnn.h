// Convolutions by NVIDIA's cuDNN 9, through its graph interface: single convolutions, and those with bias and
// activation where the library has a fused kernel. Sums are plain and f32; f32 data is rounded to tf32 only by
// the rows that say so.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// False where the library is not installed, or has no plan for the case: it is asked, once per case.
bool conv2d_cudnn_supports(const Conv2dForward& a, const DeviceInfo& device);
bool conv2d_cudnn_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool conv2d_cudnn_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
bool conv2d_cudnn_tf32_supports(const Conv2dForward& a, const DeviceInfo& device);
bool conv2d_cudnn_tf32_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool conv2d_cudnn_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
/// Plans whose sums have no fixed order (atomic additions) among them.
bool conv2d_cudnn_any_order_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool conv2d_cudnn_any_order_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
/// dbias is the sum of the op `reduce`.
void conv2d_cudnn(const Conv2dForward& a, Context& ctx);
void conv2d_cudnn(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_cudnn(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_cudnn_tf32(const Conv2dForward& a, Context& ctx);
void conv2d_cudnn_tf32(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_cudnn_tf32(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_cudnn_any_order(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_cudnn_any_order(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi::cuda
