// What a context's device can do at most.
#pragma once
#include "kernels/core/roofline.h"

namespace sumi {

/// On a CPU measure_cpu_roofline(). On a GPU a copy of 1 GiB (bytes read + bytes written), and the best GEMM row's
/// 8192^3 product of `dtype` on random data (smaller numbers would draw less power and clock higher); about a second.
/// An emulated GPU wants another `side`: the copy is of 16 side^2 bytes.
Roofline measure_roofline(Context& ctx, DType dtype, std::int64_t side = 8192);

}  // namespace sumi
