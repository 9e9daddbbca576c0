// Where and how wide a kernel runs.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/device/stream.h"

namespace sumi {

/// `smem` is dynamic shared memory in bytes.
struct Launch {
  dim3 grid, block;
  std::size_t smem = 0;
  Stream stream = nullptr;
};

}  // namespace sumi
