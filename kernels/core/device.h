// What a row may ask about the machine before it says that it can run.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sumi {

/// Where a context computes; all its tensors live there.
enum class DeviceKind : std::uint8_t { cpu, cuda };
constexpr std::string_view name_of(DeviceKind k) { return k == DeviceKind::cpu ? "cpu" : "cuda"; }

/// One device, as found when its context was made. What does not apply to its kind is false, 0 or "".
struct DeviceInfo {
  DeviceKind kind = DeviceKind::cpu;
  std::string name;     // model name as the system gives it
  std::string driver;   // of a GPU: the version of CUDA that it supports; "" on a CPU
  int threads = 1;      // OpenMP threads a kernel may use
  bool avx2 = false;    // with FMA
  bool avx512 = false;  // F, BW, DQ, VL, CD
  bool avx512_bf16 = false;
  int compute_capability = 0;       // 90 for sm_90; 0 on a CPU
  bool warpgroup_products = false;  // wgmma and TMA: a GPU of sm_90 and a build with code for sm_90a
  int multiprocessors = 0;
  std::size_t shared_per_block = 0;  // bytes of shared memory that one block can ask for
};

/// The CPU of this machine; `threads` 0 means all the cores this process may use (affinity mask and cgroup quota).
DeviceInfo cpu_info(int threads = 0);

}  // namespace sumi
