// The emulated GPU: every CUDA thread of a block is a fiber that runs until it meets a barrier; blocks run one at a
// time, those of a cluster together. What the hardware leaves open (the order of warps, lanes and blocks, when an
// asynchronous copy lands, what uninitialised memory holds) is chosen against the kernel.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

// The coordinates that kernels read; set at every switch of threads.
inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace simt {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A barrier, a wait or a warp intrinsic in a kernel's source.
struct Site {
  const char* file = "";
  int line = 0;
  int column = 0;
  friend bool operator==(const Site& a, const Site& b) {
    return a.line == b.line && a.column == b.column && std::strcmp(a.file, b.file) == 0;
  }
};
inline Site site_of(const std::source_location& l) {
  return {l.file_name(), static_cast<int>(l.line()), static_cast<int>(l.column())};
}
std::string text_of(const Site& s);

enum class Order : std::uint8_t { forward, reverse, random };

struct Options {
  Order order = Order::forward;  // of warps, lanes and blocks; the environment's SIMT_ORDER: forward, reverse, random
  std::uint64_t seed = 1;
  unsigned char poison = 0xFF;  // what shared memory holds before a block writes it: NaN in every float type
  int compute_capability = 90;
  std::size_t shared_per_block = 227 * 1024;  // at most kDynamicLimit
  std::size_t memory = std::size_t{8} << 30;  // of the GPU, in bytes; the environment's SIMT_MEMORY_MIB
  /// A barrier or wait that does nothing: the tests' way of deleting it from the source. Empty file: none.
  Site ignored;
};
Options& options();

/// What the emulator tells a checker. Threads are numbered within their block, or over the blocks of their cluster, one
/// after the other; `pc` is where in the kernel.
class Observer {
 public:
  virtual ~Observer() = default;
  enum class Access : std::uint8_t {
    read,
    write,
    atomic,
    launched,  // an asynchronous write that may land from now on
    landed     // the same, ordered by the wait of this thread
  };
  virtual void launch_begins(const char* kernel) = 0;
  virtual void launch_ends() = 0;
  /// A block or a cluster, whose shared memory is launch_shared().
  virtual void block_begins() = 0;
  /// So many threads from `first` on, all of a block or of a cluster, have met at a barrier.
  virtual void block_barrier(unsigned first, unsigned threads) = 0;
  /// The lanes of `mask` of this warp have met, with memory ordering (__syncwarp; not shuffles).
  virtual void warp_barrier(unsigned warp, unsigned mask) = 0;
  virtual void access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) = 0;
  /// Thread publishes what it did before on `object` (arriving at an mbarrier) and learns what others published on it.
  virtual void release(const void* object, unsigned thread) = 0;
  virtual void acquire(const void* object, unsigned thread) = 0;
  /// Global memory and the host: its copies count as accesses that a stream has ordered.
  virtual void allocated(const void*, std::size_t) {}
  virtual void released(const void*, std::size_t) {}
  virtual void host_wrote(const void*, std::size_t) {}
  virtual void host_read(const void*, std::size_t) {}
  /// `count` events of a kind happened at `s`: "mma", "barrier", "shuffle", ...
  virtual void count(const char* what, const Site& s, std::uint64_t count) = 0;
};
/// Null: nobody listens.
Observer*& observer();

/// Tells the observer of an access that an intrinsic makes on behalf of `thread` (by default the running one).
void note_access(const void* p, std::size_t bytes, Observer::Access kind, const void* pc, int thread = -1);

/// True while a kernel's thread runs.
bool in_kernel();

/// Dynamic shared memory that a block may ask for, and with the stretch behind it that nothing may touch.
inline constexpr std::size_t kDynamicLimit = 227 * 1024, kDynamicCapacity = kDynamicLimit + 4096;

/// Blocks of a cluster at most. Each has dynamic shared memory of its own, kDynamicCapacity behind the one before.
inline constexpr unsigned kClusterBlocks = 2;

/// A __shared__ variable of a kernel, or its dynamic shared memory.
struct SharedVariable {
  char* data;
  std::size_t bytes;
  const char* name;
};
/// The static ones, from the program's own symbol table: `_ZZ<kernel>E<name>`.
const std::vector<SharedVariable>& shared_variables(const void* kernel);
const char* kernel_name(const void* kernel);
/// Those of the running block, the dynamic one last.
const std::vector<SharedVariable>& current_shared();
/// Those of all blocks that run together.
const std::vector<SharedVariable>& launch_shared();

// ------------------------------------------------------------------ what runs inside a kernel

/// The running thread's number as observers know it, the same in its block, and its lane.
unsigned current_thread();
unsigned thread_in_block();
inline unsigned current_lane() { return current_thread() % 32; }

/// Blocks that run together, and which of them is the running one.
unsigned cluster_blocks();
unsigned cluster_rank();
/// Whether threads of the cluster's block `rank` are left.
bool block_lives(unsigned rank);

/// Abandons the launch: the error, with block and thread, is thrown by whoever waits for the stream.
[[noreturn]] void fail(const std::string& why);

/// __syncthreads: returns how many threads passed a non-zero `predicate`.
int block_barrier(const Site& s, int predicate = 0);
/// The same for all blocks of the cluster.
void cluster_barrier(const Site& s);

/// Suspends the running thread until ready(argument). Nobody making progress is a deadlock, reported with `s`.
void wait_until(bool (*ready)(const void*), const void* argument, const Site& s);

/// A warp's joint operation: each lane of `mask` brings `in`; when all have come, `run` sees all 32 slots.
struct Collective {
  unsigned mask = 0, arrived = 0;
  Site site;
  bool orders_memory = false;
  const void* in[32] = {};
  void* out[32] = {};
  void (*run)(Collective&) = nullptr;
};
void join_collective(unsigned mask, const Site& s, bool orders_memory, const void* in, void* out,
                     void (*run)(Collective&));

/// Calls run once all lanes of `mask` stand here; returns what it wrote for this lane (poison where it wrote nothing).
template <class Out, class In>
Out collective(unsigned mask, const Site& s, const In& in, void (*run)(Collective&), bool orders_memory = false) {
  Out out;
  std::memset(static_cast<void*>(&out), options().poison, sizeof out);
  join_collective(mask, s, orders_memory, &in, &out, run);
  return out;
}

/// memset that no sanitizer sees: poison is neither an initialisation nor an access.
void fill_unseen(void* p, std::size_t bytes, unsigned char value);
void copy_unseen(void* dst, const void* src, std::size_t bytes);

/// True when `s` is the site that the options ignore.
bool ignored(const Site& s);

/// Of the running block, or of the cluster's block `rank`.
char* dynamic_shared();
char* dynamic_shared(unsigned rank);

/// Called when a thread of the running block ends, and when a block ends: intrinsics deliver or check what is pending.
using Hook = void (*)();
void at_thread_end(Hook h);
void at_block_begin(Hook h);

// ------------------------------------------------------------------ what a host calls

struct Grid {
  dim3 grid, block;
  std::size_t smem = 0;
  unsigned cluster = 1;  // blocks, along x
};
/// Throws Error when the driver would refuse the cluster, or the emulator cannot have it.
void check_cluster(const void* kernel, const Grid& g);
/// Runs a kernel's grid now. `body` is called once per thread.
void run_grid(const void* kernel, const Grid& g, const std::function<void()>& body);

/// Appends work to an emulated stream; it runs when somebody waits for it.
void enqueue(CUstream_st* stream, std::function<void()> work);

}  // namespace simt
