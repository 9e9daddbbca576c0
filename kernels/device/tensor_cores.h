// What a GPU's tensor cores multiply.
#pragma once
#include "kernels/core/device.h"
#include "kernels/core/dtype.h"

namespace sumi::cuda {

/// Whether mma.sync takes elements of `t`, f32 rounded to tf32: all of them from sm_80 on; on Turing f16 alone.
inline bool tensor_cores_take(DType t, const DeviceInfo& device) {
  return device.compute_capability >= 80 || t == DType::f16;
}

}  // namespace sumi::cuda
