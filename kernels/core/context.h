// Everything a kernel may use besides its arguments. Passed explicitly; there are no globals.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/core/device.h"
#include "kernels/core/memory.h"
#include "kernels/core/tensor_ref.h"
#include "kernels/device/stream.h"

namespace sumi {

/// One call of a row, as a profile records it.
struct Timing {
  std::string_view op, row;
  std::string key;  // the dims
  double seconds = 0, flops = 0, bytes = 0;
};

/// Packed weights and library primitives, kept as long as the storage they were made from stays unchanged.
class PackCache {
 public:
  /// The value that `make` returns (a shared_ptr<T>), made once per (row, dims key) and version of `source`.
  /// Never cached when source.id is 0. A new version drops all the old ones' values; of one version 16 are kept.
  /// `make` must not use the cache.
  template <class T>
  std::shared_ptr<T> get(std::string_view row, const std::string& key, const TensorRef& source,
                         const std::function<std::shared_ptr<T>()>& make) {
    if (source.id == 0) return make();
    return std::static_pointer_cast<T>(get_any(row, key, source, [&]() -> std::shared_ptr<void> { return make(); }));
  }
  /// A value that depends on dims only (a library primitive, a plan): kept until there are 1024.
  template <class T>
  std::shared_ptr<T> plan(std::string_view row, const std::string& key,
                          const std::function<std::shared_ptr<T>()>& make) {
    return get<T>(row, key, TensorRef{.id = kPlans}, make);
  }
  /// The storage `id` was written: forget what was made from it.
  void written(std::uint64_t id);
  /// The storage `id` is gone: the same.
  void forget(std::uint64_t id) noexcept;
  void clear() noexcept;

  /// What a stretch of work does with the cache, from watch(&w) to watch(nullptr).
  struct Watch {
    std::set<std::uint64_t> written;  // storages
    /// A captured graph is made of what it finds here, at every launch. So it may use what the cache has of storages
    /// that do not change (`constants`), and keeps it alive; but what is made of `changing` ones must be made in the
    /// graph itself, and nobody else gets what is made while nothing is done yet.
    bool capturing = false;
    std::set<std::uint64_t> changing;
    struct Constant {
      std::uint64_t id;
      std::string name;
      std::shared_ptr<void> value;
    };
    std::vector<Constant> constants;
    std::vector<std::shared_ptr<void>> made;
    std::map<std::pair<std::uint64_t, std::string>, std::pair<std::uint64_t, std::shared_ptr<void>>> newest;
  };
  void watch(Watch* w) { watch_ = w; }
  /// True while the cache still has each of `constants` that was made of a storage.
  bool has(const std::vector<Watch::Constant>& constants);

 private:
  static constexpr std::uint64_t kPlans = ~std::uint64_t{0};
  struct Entry {
    std::uint64_t version;
    std::shared_ptr<void> value;
  };
  using Make = std::function<std::shared_ptr<void>()>;
  std::shared_ptr<void> get_any(std::string_view row, const std::string& key, const TensorRef& source,
                                const Make& make);
  std::shared_ptr<void> get_captured(const std::string& name, const TensorRef& source, const Make& make);
  std::shared_ptr<void> find(const std::string& name, const TensorRef& source);
  std::mutex mutex_;
  std::map<std::uint64_t, std::map<std::string, Entry, std::less<>>> entries_;
  Watch* watch_ = nullptr;
};

/// What a context is made with; it does not change afterwards. The environment's SUMI_KERNEL, SUMI_AUTOTUNE and
/// SUMI_GRAPHS are read once, when it is made.
struct ContextOptions {
  DeviceKind device = DeviceKind::cpu;
  int threads = 0;            // 0: all usable cores
  std::string forced_rows;    // "conv2d_forward:winograd,gemm:onednn"; empty: the environment's SUMI_KERNEL
  bool autotune = false;      // also switched on by SUMI_AUTOTUNE=1
  bool deterministic = true;  // rows marked non-deterministic are never chosen
  bool tf32 = false;          // rows that round f32 operands to tf32 may be chosen
  bool graphs = true;         // repeated work of a GPU is captured; switched off by SUMI_GRAPHS=0
};

class Autotuner;
class StreamMemory;
class Uploads;

/// The device, its memory and its caches. Not thread-safe: one context per calling thread.
class Context {
 public:
  explicit Context(const ContextOptions& options = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const DeviceInfo& device() const { return device_; }
  int threads() const { return device_.threads; }
  bool deterministic() const { return deterministic_; }
  bool tf32() const { return tf32_; }
  /// Host memory.
  MemoryPool& pool() { return pool_; }
  /// Memory of the device: the pool on a CPU, stream-ordered memory on a GPU.
  Memory& memory() { return *memory_; }
  Scratch scratch(std::size_t bytes) { return {*memory_, bytes}; }
  /// For what cache() keeps.
  Scratch lasting(std::size_t bytes) { return {*memory_, bytes, Lifetime::lasting}; }
  /// The GPU work queue that this context's rows use; null on a CPU.
  Stream stream() const { return stream_; }
  /// Copies host memory, which may change at once, to the GPU in the order of the stream.
  void upload(void* dst, const void* src, std::size_t bytes);
  /// Waits until the device has done all that was asked of it; throws Error with what failed there.
  void synchronize();
  PackCache& cache() { return cache_; }
  /// Whether repeated work is to be captured (tensor/graph.h), and whether some is being rehearsed or captured now.
  bool graphs() const { return graphs_; }
  bool capturing() const { return capturing_; }
  /// A number that no other storage of this context has; never 0.
  std::uint64_t new_storage_id() { return ++storage_ids_; }
  /// The row that SUMI_KERNEL or the options force for `op`, or "".
  std::string_view forced_row(std::string_view op) const;
  void force_row(std::string op, std::string row) { forced_[std::move(op)] = std::move(row); }
  const std::map<std::string, std::string, std::less<>>& forced_rows() const { return forced_; }
  Autotuner* autotuner() { return autotuner_.get(); }

  /// While non-null, every run() appends its Timing here.
  std::vector<Timing>* profile = nullptr;
  /// While false, tensor ops record no history (see tensor/autograd.h).
  bool grad_enabled = true;

 private:
  friend class Capture;
  DeviceInfo device_;
  bool deterministic_, tf32_, graphs_, capturing_ = false;
  Stream stream_ = nullptr;
  MemoryPool pool_;
  std::unique_ptr<StreamMemory> device_memory_;  // of a GPU
  std::unique_ptr<Uploads> uploads_;             // likewise
  Memory* memory_ = &pool_;
  PackCache cache_;
  std::atomic<std::uint64_t> storage_ids_ = 0;
  std::map<std::string, std::string, std::less<>> forced_;
  std::unique_ptr<Autotuner> autotuner_;
};

}  // namespace sumi
