#include "kernels/core/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

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
constexpr std::size_t kLargeFrom = 1u << 20, kSegment = 32u << 20;

constexpr std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

constexpr std::size_t mib(std::size_t bytes) { return bytes >> 20; }

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
  for (auto& [p, block] : blocks_)
    if (block.first) std::free(p);
}

void* MemoryPool::allocate(std::size_t bytes) {
  const bool large = kReuse && bytes >= kLargeFrom;
  const std::size_t unit = large ? kHugePage : bytes >= kAlignedFrom ? kAlignedFrom : kLine;
  const std::size_t capacity =
      kReuse ? round_up(std::max<std::size_t>(bytes, 1), unit) : std::max<std::size_t>(bytes, 1);
  const std::lock_guard lock(mutex_);
  void* p = large ? allocate_large(capacity) : allocate_small(capacity);
  check(p, "out of memory: ", mib(bytes), " MiB asked, ", mib(in_use_), " in use, ", mib(available_memory()),
        " available; a smaller picture (--size) or batch needs less");
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
  if (capacity >= kSegment && !is_available(capacity, held_)) return nullptr;
  void* p = system_allocate(capacity, kReuse && capacity >= kAlignedFrom ? kHugePage : kLine);
  if (!p) return nullptr;
  used_small_.emplace(p, capacity);
  held_ += capacity;
  return p;
}

bool MemoryPool::add_segment(std::size_t capacity) {
  const std::size_t size = std::max(capacity, kSegment);
  if (!is_available(size, held_)) return false;
  auto* p = static_cast<char*>(system_allocate(size, kHugePage));
  if (!p) return false;
  held_ += size;
  blocks_[p] = {size, true, true};
  free_large_.emplace(size, p);
  return true;
}

void* MemoryPool::allocate_large(std::size_t capacity) {
  auto it = free_large_.lower_bound({capacity, nullptr});
  if (it == free_large_.end()) {
    if (!add_segment(capacity)) {
      free_unused();
      if (!add_segment(capacity)) return nullptr;
    }
    it = free_large_.lower_bound({capacity, nullptr});
  }
  const auto [size, p] = *it;
  free_large_.erase(it);
  Block& block = blocks_[p];
  block.free = false;
  if (size > capacity) {
    blocks_[p + capacity] = {size - capacity, true, false};
    free_large_.emplace(size - capacity, p + capacity);
    block.size = capacity;
  }
  return p;
}

void MemoryPool::release_large(Blocks::iterator it) {
  it->second.free = true;
  if (const auto after = std::next(it); after != blocks_.end() && after->second.free && !after->second.first) {
    free_large_.erase({after->second.size, after->first});
    it->second.size += after->second.size;
    blocks_.erase(after);
  }
  if (!it->second.first && std::prev(it)->second.free) {
    const auto before = std::prev(it);
    free_large_.erase({before->second.size, before->first});
    before->second.size += it->second.size;
    blocks_.erase(it);
    it = before;
  }
  free_large_.emplace(it->second.size, it->first);
}

void MemoryPool::release(void* p) noexcept {
  const std::lock_guard lock(mutex_);
  if (const auto large = blocks_.find(static_cast<char*>(p)); large != blocks_.end()) {
    in_use_ -= large->second.size;
    release_large(large);
    return;
  }
  const auto it = used_small_.find(p);
  if (it == used_small_.end()) return;
  in_use_ -= it->second;
  if (kReuse) {
    free_small_.emplace(it->second, p);
  } else {
    held_ -= it->second;
    std::free(p);
  }
  used_small_.erase(it);
}

void MemoryPool::free_unused() noexcept {
  for (auto& [size, p] : free_small_) {
    held_ -= size;
    std::free(p);
  }
  free_small_.clear();
  for (auto it = blocks_.begin(); it != blocks_.end();) {
    const auto next = std::next(it);
    const bool whole_segment = it->second.first && (next == blocks_.end() || next->second.first);
    if (it->second.free && whole_segment) {
      free_large_.erase({it->second.size, it->first});
      held_ -= it->second.size;
      std::free(it->first);
      blocks_.erase(it);
    }
    it = next;
  }
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
  return held_;
}

}  // namespace sumi
