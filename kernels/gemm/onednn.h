// Matrix products by oneDNN's matmul, single-threaded on parts whose cut depends on the dims alone.
#pragma once
#include "kernels/gemm/gemm.h"

namespace sumi {

bool gemm_onednn_supports(const Gemm& a, const DeviceInfo& device);
void gemm_onednn(const Gemm& a, Context& ctx);

}  // namespace sumi
