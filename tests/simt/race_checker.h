// Finds what no order of threads can excuse: two accesses to the same bytes, one a write, that no barrier orders; reads
// of what nobody wrote; accesses beside an allocation or to a released one; asynchronous copies used before their wait;
// misaligned vectors. The first finding ends the launch: whoever waits for the stream gets it as an Error.
#pragma once
#include "tests/simt/race_shadow.h"
#include "tests/simt/simt/machine.h"
#include "tests/simt/simt/memory.h"

namespace simt::race {

class Checker : public Observer {
 public:
  Checker();
  void launch_begins(const char* kernel) override;
  void launch_ends() override {}
  void block_begins() override;
  void block_barrier(unsigned first, unsigned threads) override { order_.block_barrier(first, threads); }
  void warp_barrier(unsigned warp, unsigned mask) override { order_.warp_barrier(warp, mask); }
  void access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) override;
  void release(const void* object, unsigned thread) override { order_.release(object, thread); }
  void acquire(const void* object, unsigned thread) override { order_.acquire(object, thread); }
  void count(const char*, const Site&, std::uint64_t) override {}
  void allocated(const void* p, std::size_t bytes) override;
  void released(const void* p, std::size_t bytes) override;
  void host_wrote(const void* p, std::size_t bytes) override;
  void host_read(const void* p, std::size_t bytes) override;

 private:
  /// The running kernel's shared memory, laid out one variable after the other in the shadow.
  struct Variable {
    const char *begin, *end;  // end: of what may be used
    const char* beyond;       // end of what certainly is no one else's
    const char* name;
    std::size_t cell;
  };
  /// One access as the checks see it.
  struct Event {
    const char* data;
    std::size_t bytes;
    Access kind;
    unsigned thread;
    std::uint32_t pc;
    const Variable* variable;  // null: global memory
    bool writes() const { return kind != Access::read; }
  };
  void check_bytes(const Event& e, Byte* state);
  void visit_global(const Event& e, const char* at, GlobalCell& c, std::uint8_t bytes);
  void visit_shared(const Event& e, const char* at, SharedCell& c, std::uint8_t bytes);
  void check_readers(const Event& e, const char* at, SharedCell& c);
  void remember_read(const Event& e, GlobalCell& c, std::uint8_t bytes);
  void set_write(const Event& e, Record& w, std::uint8_t bytes);
  bool ordered(const Record& r, unsigned by) const;
  bool conflicts(const Event& e, const Record& earlier, std::uint8_t bytes) const;

  [[noreturn]] void report(const Event& e, const char* at, const std::string& what, const std::string& earlier = {});
  [[noreturn]] void report_race(const Event& e, const char* at, const Record& earlier, const char* did);
  std::string place_of(const Event& e, const char* at) const;
  std::string thread_text(const Record& r) const;

  const char* arena_;
  Ordering order_;
  std::vector<Variable> shared_;
  Zeros<GlobalCell> global_cells_;
  Zeros<Byte> global_bytes_;
  Zeros<SharedCell> shared_cells_;
  Zeros<Byte> shared_bytes_;
};

/// The addresses that kernels share: all others are some thread's own.
struct Watched {
  std::uintptr_t arena = 0, dynamic = 0, statics = 0, statics_bytes = 0;
  bool holds(const void* p) const {
    const auto a = reinterpret_cast<std::uintptr_t>(p);
    return a - arena < Arena::kBytes || holds_dynamic(p) || a - statics < statics_bytes;
  }
  bool holds_dynamic(const void* p) const {
    return reinterpret_cast<std::uintptr_t>(p) - dynamic < kClusterBlocks * kDynamicCapacity;
  }
};
inline Watched& watched() {
  static constinit Watched w;
  return w;
}

/// "kernels/map/vectorized.cu:24" for an address in this program, given as its distance from the program's start.
std::string source_of(std::uint32_t pc);
/// Looks many up at once.
void load_sources(const std::vector<std::uint32_t>& pcs);
std::uint32_t program_counter(const void* address);

}  // namespace simt::race
