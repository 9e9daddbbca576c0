// Pooled, aligned host memory. Blocks return to the pool and are reused: a step that repeats allocates nothing.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

namespace sumi {

/// Thread-safe pool of aligned blocks. From 64 KiB on, blocks are 2 MiB aligned and huge-page backed (winograd's
/// scratch: 741 against 618-644 GFLOP/s at 4 KiB alignment); smaller ones are 64-byte aligned.
class MemoryPool {
 public:
  MemoryPool() = default;
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  /// At least `bytes` usable bytes, not cleared. Throws Error naming the size when memory is out.
  void* allocate(std::size_t bytes);
  void release(void* p) noexcept;
  /// Gives all unused blocks back to the system.
  void trim() noexcept;

  std::size_t bytes_in_use() const;
  std::size_t peak_bytes() const;
  void reset_peak();

 private:
  mutable std::mutex mutex_;
  std::multimap<std::size_t, void*> free_;  // by capacity
  std::map<void*, std::size_t> used_;
  std::size_t in_use_ = 0, peak_ = 0;
};

/// A block for the length of a scope.
class Scratch {
 public:
  Scratch(MemoryPool& pool, std::size_t bytes) : pool_(&pool), data_(pool.allocate(bytes)) {}
  Scratch(Scratch&& o) noexcept : pool_(o.pool_), data_(std::exchange(o.data_, nullptr)) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (data_) pool_->release(data_);
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  MemoryPool* pool_;
  void* data_;
};

}  // namespace sumi
