#include "kernels/core/available_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace sumi {
namespace {

constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

std::size_t from_kernel() {
  std::ifstream in("/proc/meminfo");
  std::size_t kib = 0;
  for (std::string word; in >> word;)
    if (word == "MemAvailable:" && in >> kib) return kib << 10;
  return kUnknown;
}

std::optional<std::size_t> number_in(const char* path) {
  std::ifstream in(path);
  std::size_t bytes = 0;
  if (in >> bytes) return bytes;
  return {};
}

/// As a container sees it: its own group is mounted as the root. "max" is no number.
std::size_t from_cgroup(const char* limit_path, const char* used_path) {
  const auto limit = number_in(limit_path), used = number_in(used_path);
  if (!limit || !used) return kUnknown;
  return *limit - std::min(*limit, *used);
}

}  // namespace

std::size_t available_memory() {
  return std::min(
      {from_kernel(), from_cgroup("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
       from_cgroup("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")});
}

std::size_t resident_memory() {
  std::ifstream in("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sumi
