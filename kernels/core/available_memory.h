// How much memory there is to be had.
#pragma once
#include <cstddef>

namespace sumi {

/// Bytes that the process can still take without the system running out: the kernel's MemAvailable or what its cgroup
/// has left, whichever is less; the largest number where neither can be read.
std::size_t available_memory();

/// Bytes of this process that are in memory, 0 where that cannot be read.
std::size_t resident_memory();

}  // namespace sumi
