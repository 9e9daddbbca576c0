// Pooled, aligned host memory. Blocks return to the pool and are reused: a step that repeats allocates nothing.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

#include "kernels/core/arena.h"

namespace sumi {

/// Whether a block is meant to outlive the step that it was made in: packed weights, which are made in the midst of
/// activations, would split the room that those leave.
enum class Lifetime { passing, lasting };

/// Where a context's tensors and scratch live. Blocks are 64-byte aligned or better, not cleared; allocate() throws
/// OutOfMemory naming the size.
class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;
  virtual void* allocate(std::size_t bytes) = 0;
  /// The same for a block of Lifetime::lasting.
  virtual void* allocate_lasting(std::size_t bytes) { return allocate(bytes); }
  virtual void release(void* p) noexcept = 0;
};

/// Thread-safe pool of aligned blocks, in two kinds. Small ones (under 1 MiB) are kept whole by capacity. Large ones
/// are cut from one huge-page backed arena per lifetime, in multiples of 256 KiB. (Winograd's scratch runs at 741
/// GFLOP/s where it starts the cache sets of a huge page, against 618-644 at 4 KiB.) Under AddressSanitizer every block
/// is its own allocation, so that overruns and uses after release are seen.
class MemoryPool final : public Memory {
 public:
  ~MemoryPool() override;

  /// At least `bytes` usable bytes, 64-byte aligned or better, not cleared. Throws OutOfMemory naming the size.
  void* allocate(std::size_t bytes) override { return allocate(bytes, Lifetime::passing); }
  void* allocate_lasting(std::size_t bytes) override { return allocate(bytes, Lifetime::lasting); }
  void release(void* p) noexcept override;
  /// Gives all unused memory back to the system.
  void trim() noexcept;

  std::size_t bytes_in_use() const;
  std::size_t peak_bytes() const;
  void reset_peak();
  /// Bytes held from the system, in use or not.
  std::size_t bytes_held() const;

 private:
  void* allocate(std::size_t bytes, Lifetime lifetime);
  void* allocate_small(std::size_t capacity);
  void* allocate_large(std::size_t capacity, Arena& arena);
  bool grow(std::size_t capacity, Arena& arena);
  void free_unused() noexcept;
  std::size_t held() const { return held_small_ + passing_.held() + lasting_.held(); }

  mutable std::mutex mutex_;
  std::multimap<std::size_t, void*> free_small_;  // by capacity
  std::map<void*, std::size_t> used_small_;
  Arena passing_, lasting_;
  std::size_t in_use_ = 0, peak_ = 0, held_small_ = 0;
};

/// A block for the length of a scope.
class Scratch {
 public:
  Scratch(Memory& memory, std::size_t bytes, Lifetime lifetime = Lifetime::passing)
      : memory_(&memory),
        data_(lifetime == Lifetime::passing ? memory.allocate(bytes) : memory.allocate_lasting(bytes)) {}
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
