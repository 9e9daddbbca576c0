#include "kernels/core/device.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace sumi {
namespace {

std::string model_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(':') + 2, line.size()));
  return "unknown CPU";
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  std::ifstream in("/sys/fs/cgroup/cpu.max");  // "quota period" in microseconds, or "max period"
  double quota = 0, period = 0;
  if (in >> quota >> period && period > 0) cores = std::min(cores, std::max(1, static_cast<int>(std::lround(quota / period))));
  return std::max(1, cores);
}

}  // namespace

DeviceInfo cpu_info(int threads) {
  DeviceInfo d;
  d.name = model_name();
  d.threads = threads > 0 ? threads : usable_cores();
#if defined(__x86_64__)
  __builtin_cpu_init();
  d.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  d.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512cd");
  d.avx512_bf16 = d.avx512 && __builtin_cpu_supports("avx512bf16");
#endif
  return d;
}

}  // namespace sumi
