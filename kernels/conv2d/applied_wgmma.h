// Convolutions of pending or bordered input on Hopper's tensor cores: a pass that applies, then implicit_gemm_wgmma.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// What has a prologue, or padding that is no zeros, and would fit implicit_gemm_wgmma without.
bool applied_wgmma_supports(const Conv2dForward& a, const DeviceInfo& device);
bool applied_wgmma_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool applied_wgmma_pays(const Conv2dForward& a, const DeviceInfo& device);
bool applied_wgmma_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_applied_wgmma(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_applied_wgmma(const Conv2dBackwardInput& a, Context& ctx);

}  // namespace sumi::cuda
