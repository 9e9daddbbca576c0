// Pooled, aligned host memory. Blocks return to the pool and are reused: a step that repeats allocates nothing.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace sumi {

/// Where a context's tensors and scratch live. Blocks are 64-byte aligned or better, not cleared; allocate() throws
/// Error naming the size when memory is out.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* p) noexcept = 0;
};

/// Thread-safe pool of aligned blocks, in two kinds. Small ones (under 1 MiB) are kept whole by capacity. Large ones
/// are cut from 2 MiB aligned, huge-page backed segments in multiples of 2 MiB, best fit, and merge with their free
/// neighbours on release, so that memory held stays near the most that was ever in use at once. (Winograd's scratch
/// runs at 741 GFLOP/s 2 MiB aligned, against 618-644 at 4 KiB.) Under AddressSanitizer every block is its own
/// allocation, so that overruns and uses after release are seen.
class MemoryPool final : public Memory {
 public:
  ~MemoryPool() override;

  /// At least `bytes` usable bytes, 64-byte aligned or better, not cleared. Throws Error naming the size when memory is
  /// out.
  void* allocate(std::size_t bytes) override;
  void release(void* p) noexcept override;
  /// Gives all unused memory back to the system.
  void trim() noexcept;

  std::size_t bytes_in_use() const;
  std::size_t peak_bytes() const;
  void reset_peak();
  /// Bytes held from the system, in use or not.
  std::size_t bytes_held() const;

 private:
  struct Block {
    std::size_t size = 0;
    bool free = false, first = false;  // first of its segment: never merges with what happens to lie before
  };
  using Blocks = std::map<char*, Block>;

  void* allocate_small(std::size_t capacity);
  void* allocate_large(std::size_t capacity);
  void release_large(Blocks::iterator it);
  bool add_segment(std::size_t capacity);
  void free_unused() noexcept;

  mutable std::mutex mutex_;
  std::multimap<std::size_t, void*> free_small_;  // by capacity
  std::map<void*, std::size_t> used_small_;
  Blocks blocks_;  // all of every segment, by address
  std::set<std::pair<std::size_t, char*>> free_large_;
  std::size_t in_use_ = 0, peak_ = 0, held_ = 0;
};

/// A block for the length of a scope.
class Scratch {
 public:
  Scratch(Memory& memory, std::size_t bytes) : memory_(&memory), data_(memory.allocate(bytes)) {}
  Scratch(Scratch&& o) noexcept : memory_(o.memory_), data_(std::exchange(o.data_, nullptr)) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (data_) memory_->release(data_);
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  Memory* memory_;
  void* data_;
};

}  // namespace sumi
