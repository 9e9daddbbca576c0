// The rows, in order of preference.
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/direct.h"
#include "kernels/conv2d/reference.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/conv2d/rows_wgmma.h"
#include "kernels/conv2d/winograd.h"
#include "kernels/conv2d/winograd_cuda.h"
#include "kernels/device/tensor_cores.h"
#if SUMI_CUDNN
#include "kernels/conv2d/cudnn.h"
#endif
#if SUMI_ONEDNN
#include "kernels/conv2d/onednn.h"
#endif

namespace sumi {
namespace {

template <class Args>
bool complete(const Args& a, const DeviceInfo&) {
  return is_complete(a.prologue, a.epilogue);
}

template <class Args>
bool fusible(const Args& a, const DeviceInfo&) {
  return is_fusible(a.prologue, a.epilogue);
}

/// Few input channels: the S*C inputs of a filter row are one short run, which libraries leave mostly idle in f32; in
/// bf16 they take 0.58-0.67 of this row's time.
bool thin_in(const Conv2dForward& a, const DeviceInfo& device) {
  return a.d.C <= 4 && a.d.groups == 1 && fusible(a, device);
}

/// Of few output pixels its shifted additions are most of the work: 427 us against 256 where 16 4x4 images become 1x1.
bool thin_out_pays(const Conv2dForward& a, const DeviceInfo&) {
  return a.d.P() * a.d.Q() >= 64 && (a.dtype() == DType::f32 || a.d.R * a.d.S > 1);
}

template <class Args>
bool depthwise(const Args& a, const DeviceInfo& device) {
  return is_depthwise(a.d) && fusible(a, device);
}

bool depthwise_weight(const Conv2dBackwardWeight& a, const DeviceInfo&) { return is_depthwise(a.d); }

#if SUMI_ONEDNN
/// At stride 2 with filters up to 3x3 in f32 the library reaches 56-68 of 115 GFLOP/s a core, the direct row 89-96.
bool onednn_pays(const Conv2dBackwardWeight& a, const DeviceInfo&) {
  return a.dtype() != DType::f32 || a.d.unit_stride() || a.d.R * a.d.S > 9;
}
#endif

#if SUMI_CUDA
template <class Args>
bool mma_supports(const Args& a, const DeviceInfo& device) {
  return cuda::tensor_cores_take(a.dtype(), device) && cuda::implicit_gemm_supports(a, device);
}
#endif

constexpr Traits kWinograd{.error_factor = 2}, kWinograd2x2{.term_roundings = 1};
#if SUMI_CUDA
constexpr Traits kTf32{.tf32 = true};
#endif
#if SUMI_CUDNN
constexpr Traits kAnyOrder{.deterministic = false};
#endif

constexpr Variant<Conv2dForward> kForward[] = {
#if SUMI_CUDA
    {"row_taps",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::row_taps_supports,
     cuda::conv2d_forward_row_taps,
     {},
     cuda::row_taps_pays},
    {"row_taps_tf32", DeviceKind::cuda, kF32, cuda::row_taps_supports, cuda::conv2d_forward_row_taps, kTf32,
     cuda::row_taps_pays},
    {"thin_out", DeviceKind::cuda, kGpuFloats, cuda::thin_out_supports, cuda::conv2d_forward_thin_out},
    {"thin_in_tf32", DeviceKind::cuda, kF32, cuda::thin_in_tf32_supports, cuda::conv2d_forward_thin_in_tf32, kTf32},
    {"thin_in", DeviceKind::cuda, kGpuFloats, cuda::thin_in_supports, cuda::conv2d_forward_thin_in},
    {"winograd_2x2", DeviceKind::cuda, kF16, cuda::winograd_2x2_supports, cuda::conv2d_forward_winograd_2x2,
     kWinograd2x2, cuda::winograd_2x2_pays},
    {"implicit_gemm_wgmma",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::implicit_gemm_wgmma_supports,
     cuda::conv2d_forward_implicit_gemm_wgmma,
     {},
     cuda::implicit_gemm_wgmma_pays},
    {"implicit_gemm_wgmma_multicast",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::implicit_gemm_wgmma_supports,
     cuda::conv2d_forward_implicit_gemm_wgmma_multicast,
     {},
     cuda::implicit_gemm_wgmma_multicast_pays},
    {"applied_wgmma",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::applied_wgmma_supports,
     cuda::conv2d_forward_applied_wgmma,
     {},
     cuda::applied_wgmma_pays},
    {"implicit_gemm_mma", DeviceKind::cuda, kF16 | kBF16, mma_supports, cuda::conv2d_forward_implicit_gemm_mma},
    {"implicit_gemm_tf32", DeviceKind::cuda, kF32, mma_supports, cuda::conv2d_forward_implicit_gemm_tf32, kTf32},
    {"winograd", DeviceKind::cuda, kF32, cuda::winograd_supports, cuda::conv2d_forward_winograd, kWinograd,
     cuda::winograd_pays},
    {"implicit_gemm", DeviceKind::cuda, kF32, cuda::implicit_gemm_supports, cuda::conv2d_forward_implicit_gemm},
    {"depthwise", DeviceKind::cuda, kGpuFloats, cuda::depthwise_supports, cuda::conv2d_forward_depthwise},
    {"tiled", DeviceKind::cuda, kGpuFloats, complete<Conv2dForward>, cuda::conv2d_forward_tiled},
    {"naive", DeviceKind::cuda, kGpuFloats, complete<Conv2dForward>, cuda::conv2d_forward_naive},
#endif
#if SUMI_CUDNN
    {"cudnn", DeviceKind::cuda, kGpuFloats, cuda::conv2d_cudnn_supports, cuda::conv2d_cudnn},
    {"cudnn_tf32", DeviceKind::cuda, kF32, cuda::conv2d_cudnn_tf32_supports, cuda::conv2d_cudnn_tf32, kTf32},
#endif
    {"winograd", DeviceKind::cpu, kF32BF16, conv2d_forward_winograd_supports, conv2d_forward_winograd, kWinograd,
     conv2d_forward_winograd_pays},
    {"thin_in", DeviceKind::cpu, kF32, thin_in, conv2d_forward_direct},
    {"thin_out", DeviceKind::cpu, kF32BF16, thin_out_supports, conv2d_forward_thin_out, {}, thin_out_pays},
#if SUMI_ONEDNN
    {"onednn", DeviceKind::cpu, kF32BF16, conv2d_forward_onednn_supports, conv2d_forward_onednn},
#endif
    {"depthwise", DeviceKind::cpu, kF32BF16, depthwise<Conv2dForward>, conv2d_forward_depthwise},
    {"direct", DeviceKind::cpu, kF32BF16, fusible<Conv2dForward>, conv2d_forward_direct},
    {"reference", DeviceKind::cpu, kAllFloats, complete<Conv2dForward>, conv2d_forward_reference},
};
constexpr Variant<Conv2dBackwardInput> kBackwardInput[] = {
#if SUMI_CUDA
    {"row_taps",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::row_taps_supports,
     cuda::conv2d_backward_input_row_taps,
     {},
     cuda::row_taps_pays},
    {"row_taps_tf32", DeviceKind::cuda, kF32, cuda::row_taps_supports, cuda::conv2d_backward_input_row_taps, kTf32,
     cuda::row_taps_pays},
    {"thin_out", DeviceKind::cuda, kGpuFloats, cuda::thin_out_supports, cuda::conv2d_backward_input_thin_out},
    {"thin_in_tf32", DeviceKind::cuda, kF32, cuda::thin_in_tf32_supports, cuda::conv2d_backward_input_thin_in_tf32,
     kTf32},
    {"thin_in", DeviceKind::cuda, kGpuFloats, cuda::thin_in_supports, cuda::conv2d_backward_input_thin_in},
    {"winograd_2x2", DeviceKind::cuda, kF16, cuda::winograd_2x2_supports, cuda::conv2d_backward_input_winograd_2x2,
     kWinograd2x2, cuda::winograd_2x2_pays},
    {"implicit_gemm_wgmma",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::implicit_gemm_wgmma_supports,
     cuda::conv2d_backward_input_implicit_gemm_wgmma,
     {},
     cuda::implicit_gemm_wgmma_pays},
    {"implicit_gemm_wgmma_multicast",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::implicit_gemm_wgmma_supports,
     cuda::conv2d_backward_input_implicit_gemm_wgmma_multicast,
     {},
     cuda::implicit_gemm_wgmma_multicast_pays},
    {"applied_wgmma",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::applied_wgmma_supports,
     cuda::conv2d_backward_input_applied_wgmma,
     {},
     cuda::applied_wgmma_pays},
    {"implicit_gemm_mma", DeviceKind::cuda, kF16 | kBF16, mma_supports, cuda::conv2d_backward_input_implicit_gemm_mma},
    {"implicit_gemm_tf32", DeviceKind::cuda, kF32, mma_supports, cuda::conv2d_backward_input_implicit_gemm_tf32, kTf32},
    {"winograd", DeviceKind::cuda, kF32, cuda::winograd_supports, cuda::conv2d_backward_input_winograd, kWinograd,
     cuda::winograd_pays},
    {"implicit_gemm", DeviceKind::cuda, kF32, cuda::implicit_gemm_supports, cuda::conv2d_backward_input_implicit_gemm},
    {"depthwise", DeviceKind::cuda, kGpuFloats, cuda::depthwise_supports, cuda::conv2d_backward_input_depthwise},
    {"tiled", DeviceKind::cuda, kGpuFloats, complete<Conv2dBackwardInput>, cuda::conv2d_backward_input_tiled},
    {"naive", DeviceKind::cuda, kGpuFloats, complete<Conv2dBackwardInput>, cuda::conv2d_backward_input_naive},
#endif
#if SUMI_CUDNN
    {"cudnn_any_order", DeviceKind::cuda, kGpuFloats, cuda::conv2d_cudnn_any_order_supports,
     cuda::conv2d_cudnn_any_order, kAnyOrder},
    {"cudnn", DeviceKind::cuda, kGpuFloats, cuda::conv2d_cudnn_supports, cuda::conv2d_cudnn},
    {"cudnn_tf32", DeviceKind::cuda, kF32, cuda::conv2d_cudnn_tf32_supports, cuda::conv2d_cudnn_tf32, kTf32},
#endif
    {"winograd", DeviceKind::cpu, kF32BF16, conv2d_backward_input_winograd_supports, conv2d_backward_input_winograd,
     kWinograd, conv2d_backward_input_winograd_pays},
    {"thin_out", DeviceKind::cpu, kF32BF16, thin_out_supports, conv2d_backward_input_thin_out},
#if SUMI_ONEDNN
    {"onednn", DeviceKind::cpu, kF32BF16, conv2d_backward_input_onednn_supports, conv2d_backward_input_onednn},
#endif
    {"depthwise", DeviceKind::cpu, kF32BF16, depthwise<Conv2dBackwardInput>, conv2d_backward_input_depthwise},
    {"direct", DeviceKind::cpu, kF32BF16, fusible<Conv2dBackwardInput>, conv2d_backward_input_direct},
    {"reference", DeviceKind::cpu, kAllFloats, complete<Conv2dBackwardInput>, conv2d_backward_input_reference},
};
constexpr Variant<Conv2dBackwardWeight> kBackwardWeight[] = {
#if SUMI_CUDA
    {"thin_in_tf32", DeviceKind::cuda, kF32, cuda::thin_in_tf32_supports, cuda::conv2d_backward_weight_thin_in_tf32,
     kTf32},
    {"thin_in", DeviceKind::cuda, kGpuFloats, cuda::thin_in_supports, cuda::conv2d_backward_weight_thin_in},
    {"thin_out_tf32", DeviceKind::cuda, kF32, cuda::thin_out_tf32_supports, cuda::conv2d_backward_weight_thin_out_tf32,
     kTf32},
    {"thin_out", DeviceKind::cuda, kGpuFloats, cuda::thin_out_supports, cuda::conv2d_backward_weight_thin_out},
    {"implicit_gemm_wgmma",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::implicit_gemm_wgmma_supports,
     cuda::conv2d_backward_weight_implicit_gemm_wgmma,
     {},
     cuda::implicit_gemm_wgmma_pays},
    {"implicit_gemm_mma", DeviceKind::cuda, kF16 | kBF16, mma_supports, cuda::conv2d_backward_weight_implicit_gemm_mma},
    {"implicit_gemm_tf32", DeviceKind::cuda, kF32, mma_supports, cuda::conv2d_backward_weight_implicit_gemm_tf32,
     kTf32},
    {"implicit_gemm", DeviceKind::cuda, kF32, cuda::implicit_gemm_supports, cuda::conv2d_backward_weight_implicit_gemm},
    {"depthwise", DeviceKind::cuda, kGpuFloats, cuda::depthwise_supports, cuda::conv2d_backward_weight_depthwise},
    {"tiled", DeviceKind::cuda, kGpuFloats, every_case<Conv2dBackwardWeight>, cuda::conv2d_backward_weight_tiled},
    {"naive", DeviceKind::cuda, kGpuFloats, every_case<Conv2dBackwardWeight>, cuda::conv2d_backward_weight_naive},
#endif
#if SUMI_CUDNN
    {"cudnn_any_order", DeviceKind::cuda, kGpuFloats, cuda::conv2d_cudnn_any_order_supports,
     cuda::conv2d_cudnn_any_order, kAnyOrder},
    {"cudnn", DeviceKind::cuda, kGpuFloats, cuda::conv2d_cudnn_supports, cuda::conv2d_cudnn},
    {"cudnn_tf32", DeviceKind::cuda, kF32, cuda::conv2d_cudnn_tf32_supports, cuda::conv2d_cudnn_tf32, kTf32},
#endif
#if SUMI_ONEDNN
    {"onednn",
     DeviceKind::cpu,
     kF32BF16,
     conv2d_backward_weight_onednn_supports,
     conv2d_backward_weight_onednn,
     {},
     onednn_pays},
#endif
    {"depthwise", DeviceKind::cpu, kF32BF16, depthwise_weight, conv2d_backward_weight_depthwise},
    {"direct", DeviceKind::cpu, kF32BF16, every_case<Conv2dBackwardWeight>, conv2d_backward_weight_direct},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Conv2dBackwardWeight>, conv2d_backward_weight_reference},
};

}  // namespace

Table<Conv2dForward> Conv2dForward::table() { return kForward; }
Table<Conv2dBackwardInput> Conv2dBackwardInput::table() { return kBackwardInput; }
Table<Conv2dBackwardWeight> Conv2dBackwardWeight::table() { return kBackwardWeight; }

}  // namespace sumi
