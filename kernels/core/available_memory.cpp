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

std::optional<std::size_t> number_in(const std::string& path) {
  std::ifstream in(path);
  std::size_t bytes = 0;
  if (in >> bytes) return bytes;
  return {};
}

/// Bytes of cached files, which the kernel gives back under pressure though it counts them as used.
std::size_t cached_files(const std::string& group) {
  std::ifstream in(group + "/memory.stat");
  std::size_t total = 0, bytes = 0;
  for (std::string name; in >> name >> bytes;)
    if (name == "inactive_file" || name == "active_file") total += bytes;
  return total;
}

/// As a container sees it: its own group is mounted as the root. "max" is no number.
std::size_t from_cgroup(const std::string& group, const char* limit_file, const char* used_file) {
  const auto limit = number_in(group + limit_file), used = number_in(group + used_file);
  if (!limit || !used) return kUnknown;
  const std::size_t held = *used - std::min(*used, cached_files(group));
  return *limit - std::min(*limit, held);
}

}  // namespace

std::size_t available_memory() {
  return std::min({from_kernel(), from_cgroup("/sys/fs/cgroup", "/memory.max", "/memory.current"),
                   from_cgroup("/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes")});
}

std::size_t resident_memory() {
  std::ifstream in("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sumi
