// The CUDA rows of the three convolution tables; docs/kernels/conv2d_cuda.md describes them.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// One thread a result, and 32 x 32 tiles in shared memory: every case.
void conv2d_forward_naive(const Conv2dForward& a, Context& ctx);
void conv2d_forward_tiled(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_naive(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_input_tiled(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_naive(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_backward_weight_tiled(const Conv2dBackwardWeight& a, Context& ctx);

/// As a product whose left factor is read from the image: one group, prologues up to leaky_relu, strides up to 4 of a
/// transpose. f32 on ordinary cores, f16 and bf16 on tensor cores, and f32 rounded to tf32 on these.
bool implicit_gemm_supports(const Conv2dForward& a, const DeviceInfo& device);
bool implicit_gemm_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool implicit_gemm_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_forward_implicit_gemm(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_implicit_gemm(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_implicit_gemm(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_forward_implicit_gemm_mma(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_implicit_gemm_mma(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_implicit_gemm_mma(const Conv2dBackwardWeight& a, Context& ctx);
/// sm_80 and later.
void conv2d_forward_implicit_gemm_tf32(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_implicit_gemm_tf32(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_implicit_gemm_tf32(const Conv2dBackwardWeight& a, Context& ctx);

/// Up to 4 input channels, windows up to 9 x 9 or so (what shared memory holds): on tensor cores in f16 and bf16, and
/// in f32 rounded to tf32; f32 on ordinary cores.
bool thin_in_supports(const Conv2dForward& a, const DeviceInfo& device);
bool thin_in_tf32_supports(const Conv2dForward& a, const DeviceInfo& device);
void conv2d_forward_thin_in(const Conv2dForward& a, Context& ctx);
void conv2d_forward_thin_in_tf32(const Conv2dForward& a, Context& ctx);
/// The transpose of a convolution with stride 1 and up to 4 output channels.
bool thin_in_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool thin_in_tf32_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_backward_input_thin_in(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_input_thin_in_tf32(const Conv2dBackwardInput& a, Context& ctx);
/// The gradient's other channels come in whole chunks of 16 bytes.
bool thin_in_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
bool thin_in_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_backward_weight_thin_in(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_backward_weight_thin_in_tf32(const Conv2dBackwardWeight& a, Context& ctx);

/// Up to 4 output channels on tensor cores, f32 rounded to tf32: K S <= 32, other channels in whole chunks of 16 bytes,
/// stride 1.
bool row_taps_supports(const Conv2dForward& a, const DeviceInfo& device);
bool row_taps_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool row_taps_pays(const Conv2dForward& a, const DeviceInfo& device);
bool row_taps_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_row_taps(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_row_taps(const Conv2dBackwardInput& a, Context& ctx);

/// Up to 4 output channels, input channels in whole chunks of 16 bytes, stride 1 of a transpose.
bool thin_out_supports(const Conv2dForward& a, const DeviceInfo& device);
bool thin_out_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_thin_out(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_thin_out(const Conv2dBackwardInput& a, Context& ctx);
/// Stride 1 and zero padding: the same sums as thin_in's, with x and dy exchanged.
bool thin_out_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
bool thin_out_tf32_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_backward_weight_thin_out(const Conv2dBackwardWeight& a, Context& ctx);
void conv2d_backward_weight_thin_out_tf32(const Conv2dBackwardWeight& a, Context& ctx);

/// groups == C == K: 16 bytes of channels a thread.
bool depthwise_supports(const Conv2dForward& a, const DeviceInfo& device);
bool depthwise_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool depthwise_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device);
void conv2d_forward_depthwise(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_depthwise(const Conv2dBackwardInput& a, Context& ctx);
void conv2d_backward_weight_depthwise(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi::cuda
