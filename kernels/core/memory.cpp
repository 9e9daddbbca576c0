#include "kernels/core/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/core/available_memory.h"
#include "kernels/core/error.h"

namespace sumi {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReuse = false;
#else
constexpr bool kReuse = true;
#endif
constexpr std::size_t kLine = 64, kHugePage = 2u << 20;
constexpr std::size_t kAlignedFrom = 64u << 10;  // from here on even small blocks start a huge page's cache sets
constexpr std::size_t kLargeFrom = 1u << 20, kCheckedFrom = 32u << 20;

constexpr std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

void* system_allocate(std::size_t size, std::size_t alignment) {
  void* p = nullptr;
  if (posix_memalign(&p, alignment, size) != 0) return nullptr;
  if (size >= kHugePage) madvise(p, size, MADV_HUGEPAGE);
  return p;
}

/// The system promises memory that it does not have, and ends a process that uses it. What is held but was never
/// written to is promised already.
bool is_available(std::size_t size, std::size_t held) {
  const std::size_t promised = held - std::min(held, resident_memory());
  const std::size_t available = available_memory();
  return size + promised <= available - available / 16;  // libraries and the system need some too
}

}  // namespace

MemoryPool::~MemoryPool() {
  for (auto& [p, size] : used_small_) std::free(p);
  for (auto& [size, p] : free_small_) std::free(p);
}

void* MemoryPool::allocate(std::size_t bytes, Lifetime lifetime) {
  const bool large = kReuse && bytes >= kLargeFrom;
  const std::size_t unit = large ? Arena::kUnit : bytes >= kAlignedFrom ? kAlignedFrom : kLine;
  const std::size_t capacity =
      kReuse ? round_up(std::max<std::size_t>(bytes, 1), unit) : std::max<std::size_t>(bytes, 1);
  const std::lock_guard lock(mutex_);
  void* p =
      large ? allocate_large(capacity, lifetime == Lifetime::passing ? passing_ : lasting_) : allocate_small(capacity);
  if (!p)
    throw OutOfMemory(concat("out of memory: ", size_text(bytes), " asked for, ", size_text(in_use_), " in use, ",
                             size_text(available_memory()), " available"));
  in_use_ += capacity;
  peak_ = std::max(peak_, in_use_);
  return p;
}

void* MemoryPool::allocate_small(std::size_t capacity) {
  // Never a block more than a quarter too large: memory that fits nothing else is not wasted on it.
  const auto it = free_small_.lower_bound(capacity);
  if (it != free_small_.end() && it->first <= capacity + capacity / 4) {
    void* p = it->second;
    in_use_ += it->first - capacity;
    used_small_.emplace(p, it->first);
    free_small_.erase(it);
    return p;
  }
  if (capacity >= kCheckedFrom && !is_available(capacity, held())) return nullptr;
  void* p = system_allocate(capacity, kReuse && capacity >= kAlignedFrom ? kHugePage : kLine);
  if (!p) return nullptr;
  used_small_.emplace(p, capacity);
  held_small_ += capacity;
  return p;
}

bool MemoryPool::grow(std::size_t capacity, Arena& arena) {
  return is_available(arena.growth(capacity), held()) && arena.grow(capacity);
}

void* MemoryPool::allocate_large(std::size_t capacity, Arena& arena) {
  if (void* p = arena.take(capacity)) return p;
  if (!grow(capacity, arena)) {
    free_unused();
    if (!grow(capacity, arena)) return nullptr;
  }
  return arena.take(capacity);
}

void MemoryPool::release(void* p) noexcept {
  const std::lock_guard lock(mutex_);
  for (Arena* arena : {&passing_, &lasting_})
    if (const std::size_t size = arena->release(p); size > 0) {
      in_use_ -= size;
      return;
    }
  const auto it = used_small_.find(p);
  if (it == used_small_.end()) return;
  in_use_ -= it->second;
  if (kReuse) {
    free_small_.emplace(it->second, p);
  } else {
    held_small_ -= it->second;
    std::free(p);
  }
  used_small_.erase(it);
}

void MemoryPool::free_unused() noexcept {
  for (auto& [size, p] : free_small_) {
    held_small_ -= size;
    std::free(p);
  }
  free_small_.clear();
  passing_.trim();
  lasting_.trim();
}

void MemoryPool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  free_unused();
}

std::size_t MemoryPool::bytes_in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

std::size_t MemoryPool::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

void MemoryPool::reset_peak() {
  const std::lock_guard lock(mutex_);
  peak_ = in_use_;
}

std::size_t MemoryPool::bytes_held() const {
  const std::lock_guard lock(mutex_);
  return held();
}

}  // namespace sumi
