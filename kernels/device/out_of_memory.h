// What a failed allocation on the GPU says, from a driver or from the emulator.
#pragma once
#include "kernels/core/error.h"
#include "kernels/device/runtime.h"

namespace sumi::device {

/// `bytes` were asked for.
inline OutOfMemory out_of_memory(std::size_t bytes) {
  const MemoryState m = memory_state();
  return OutOfMemory(concat("GPU out of memory: ", size_text(bytes), " asked for, ", size_text(m.free), " of ",
                            size_text(m.total), " free"));
}

}  // namespace sumi::device
