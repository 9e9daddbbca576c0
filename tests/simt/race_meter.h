// Counts what kernels ask of memory, by source line: how many 32-byte sectors of global memory and how many passes
// through the banks of shared memory, against the fewest that the same bytes could take.
#pragma once
#include <array>
#include <map>
#include <unordered_map>

#include "tests/simt/simt/machine.h"

namespace simt::race {

/// What one instruction of a kernel did. A request is one execution by a warp.
struct Traffic {
  bool shared = false;
  const char* what = "";  // "load", "store", "atomic", "copy"
  std::size_t width = 0;  // bytes a lane
  std::uint64_t requests = 0, served = 0, ideal = 0, bytes = 0;
};

struct KernelCounts {
  std::uint64_t launches = 0, blocks = 0;
  unsigned threads = 0;
  std::size_t shared_bytes = 0;
  std::map<std::uint32_t, Traffic> traffic;  // by program counter
  struct Event {
    std::string what;
    Site site;
    std::uint64_t count;
  };
  std::map<std::string, Event> events;  // by kind and place
};

class Meter final : public Observer {
 public:
  Meter();
  void launch_begins(const char* kernel) override;
  void launch_ends() override { flush(); }
  void block_begins() override;
  void block_barrier(unsigned, unsigned) override { flush(); }
  void warp_barrier(unsigned, unsigned) override {}
  void access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) override;
  void release(const void*, unsigned) override {}
  void acquire(const void*, unsigned) override {}
  void count(const char* what, const Site& s, std::uint64_t count) override;

  std::map<std::string, KernelCounts>& kernels() { return kernels_; }

 private:
  struct Request {
    std::uintptr_t address;
    std::size_t bytes;
  };
  /// What the lanes of a warp did at one instruction since the last barrier: their n-th times belong together.
  using Lanes = std::array<std::vector<Request>, 32>;
  void flush();
  static void add_shared(Traffic& t, const Lanes& lanes, std::size_t turn);
  static void add_global(Traffic& t, const Lanes& lanes, std::size_t turn);

  std::map<std::string, KernelCounts> kernels_;
  KernelCounts* running_ = nullptr;
  std::unordered_map<std::uint64_t, Lanes> pending_;  // by program counter and warp
};

/// "sumi::cuda::multiply_mma<...>" without parameters and unnamed namespaces.
std::string short_name(std::string kernel);

}  // namespace simt::race
