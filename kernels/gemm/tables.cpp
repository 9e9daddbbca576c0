// The rows, in order of preference.
#include "kernels/device/tensor_cores.h"
#include "kernels/gemm/rows.h"
#if SUMI_CUBLASLT
#include "kernels/gemm/cublaslt.h"
#endif
#if SUMI_ONEDNN
#include "kernels/gemm/onednn.h"
#endif

namespace sumi {
namespace {

#if SUMI_CUDA
bool mma_supports(const Gemm& a, const DeviceInfo& d) { return cuda::tensor_cores_take(a.dtype(), d); }
#endif

#if SUMI_ONEDNN
/// With a bias the library's f32 product reaches 47 % of the machine's peak at 512^3, `blocked` 79 %; a single row is
/// its own (229 us against 452 for 1x1024x1024).
bool onednn_pays(const Gemm& a, const DeviceInfo&) { return a.dtype() != DType::f32 || !a.bias || a.M < 16; }
#endif

constexpr Variant<Gemm> kGemm[] = {
#if SUMI_CUDA
    {"wgmma", DeviceKind::cuda, kF16 | kBF16, cuda::gemm_wgmma_supports, cuda::gemm_wgmma, {}, cuda::gemm_wgmma_pays},
    {"wgmma_multicast",
     DeviceKind::cuda,
     kF16 | kBF16,
     cuda::gemm_wgmma_supports,
     cuda::gemm_wgmma_multicast,
     {},
     cuda::gemm_wgmma_multicast_pays},
    {"mma", DeviceKind::cuda, kF16 | kBF16, mma_supports, cuda::gemm_mma},
    {"mma_tf32", DeviceKind::cuda, kF32, mma_supports, cuda::gemm_mma_tf32, {.tf32 = true}},
    {"register_blocked", DeviceKind::cuda, kF32, every_case<Gemm>, cuda::gemm_register_blocked},
    {"tiled", DeviceKind::cuda, kGpuFloats, every_case<Gemm>, cuda::gemm_tiled},
    {"naive", DeviceKind::cuda, kGpuFloats, every_case<Gemm>, cuda::gemm_naive},
#if SUMI_CUBLASLT
    {"cublaslt", DeviceKind::cuda, kGpuFloats, cuda::gemm_cublaslt_supports, cuda::gemm_cublaslt},
    {"cublaslt_tf32",
     DeviceKind::cuda,
     kF32,
     cuda::gemm_cublaslt_tf32_supports,
     cuda::gemm_cublaslt_tf32,
     {.tf32 = true}},
#endif
#endif
#if SUMI_ONEDNN
    {"onednn", DeviceKind::cpu, kF32BF16, gemm_onednn_supports, gemm_onednn, {}, onednn_pays},
#endif
    {"blocked", DeviceKind::cpu, kF32BF16, every_case<Gemm>, gemm_blocked},
    {"reference", DeviceKind::cpu, kAllFloats, every_case<Gemm>, gemm_reference},
};

}  // namespace

Table<Gemm> Gemm::table() { return kGemm; }

}  // namespace sumi
