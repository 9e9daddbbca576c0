// What this GPU can do at most.
#pragma once
#include "kernels/core/roofline.h"

namespace sumi {

/// Measured: a copy of 1 GiB on the device (bytes read + bytes written), and the best GEMM row's 8192^3 product of
/// `dtype` on random data (smaller numbers would draw less power and clock higher). About a second.
Roofline measure_gpu_roofline(Context& ctx, DType dtype);

}  // namespace sumi
