// Where and how wide a kernel runs.
#pragma once
#include <cuda_runtime.h>

#include <cstddef>

#include "kernels/device/stream.h"

namespace sumi {

/// `smem` is dynamic shared memory in bytes. `cluster`: so many blocks along x, 1 or 2, run together and see each
/// other's shared memory; grid.x is a multiple of it (sm_90).
struct Launch {
  dim3 grid, block;
  std::size_t smem = 0;
  Stream stream = nullptr;
  unsigned cluster = 1;
};

}  // namespace sumi
