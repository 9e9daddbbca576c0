// Convolutions on Hopper's tensor cores, fed by its copy engine: one group, no prologue, zero padding, channels that
// are multiples of 8; the input gradient in up to 8 phases (stride_h * stride_w).
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

bool implicit_gemm_wgmma_supports(const Conv2dForward& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_pays(const Conv2dForward& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_pays(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_forward_implicit_gemm_wgmma(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_implicit_gemm_wgmma(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_implicit_gemm_wgmma(const Conv2dBackwardWeight& a, Context& ctx);

/// The same in clusters of two blocks, which share the filter's tiles; supports what `implicit_gemm_wgmma` does.
bool implicit_gemm_wgmma_multicast_pays(const Conv2dForward& a, const DeviceInfo& device);
bool implicit_gemm_wgmma_multicast_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_implicit_gemm_wgmma_multicast(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_implicit_gemm_wgmma_multicast(const Conv2dBackwardInput& a, Context& ctx);

/// The same behind a pass that applies: what has a prologue, or padding that is no zeros, and would fit without.
bool applied_wgmma_supports(const Conv2dForward& a, const DeviceInfo& device);
bool applied_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool applied_wgmma_pays(const Conv2dForward& a, const DeviceInfo& device);
bool applied_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_applied_wgmma(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_applied_wgmma(const Conv2dBackwardInput& a, Context& ctx);

}  // namespace sumi::cuda
