// Matrix products by NVIDIA's cuBLASLt. Sums are f32; f32 data is rounded to tf32 only by the row that says so.
#pragma once
#include "kernels/gemm/gemm.h"

namespace sumi::cuda {

/// False where the library is not installed or knows no algorithm: it is asked, once per case. A bias needs an f32
/// result: the library's bias has the result's type, and rounding ours would be an error of its own.
bool gemm_cublaslt_supports(const Gemm& g, const DeviceInfo& device);
void gemm_cublaslt(const Gemm& g, Context& ctx);
bool gemm_cublaslt_tf32_supports(const Gemm& g, const DeviceInfo& device);
void gemm_cublaslt_tf32(const Gemm& g, Context& ctx);

}  // namespace sumi::cuda
