#include "kernels/core/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/core/error.h"

namespace sumi {
namespace {

constexpr std::size_t kHugeFrom = 64u << 10, kHugePage = 2u << 20, kLine = 64;

std::size_t capacity_for(std::size_t bytes) {
  const std::size_t unit = bytes >= kHugeFrom ? std::size_t{64} << 10 : kLine;
  return (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
}

void* system_allocate(std::size_t capacity) {
  const bool huge = capacity >= kHugeFrom;
  void* p = nullptr;
  if (posix_memalign(&p, huge ? kHugePage : kLine, capacity) != 0) return nullptr;
  if (capacity >= kHugePage) madvise(p, capacity, MADV_HUGEPAGE);
  return p;
}

}  // namespace

MemoryPool::~MemoryPool() {
  trim();
  for (auto& [p, size] : used_) std::free(p);
}

void* MemoryPool::allocate(std::size_t bytes) {
  const std::size_t capacity = capacity_for(bytes);
  const std::lock_guard lock(mutex_);
  // Best fit, but never a block more than a quarter too large: memory that fits nothing else is not wasted on it.
  auto it = free_.lower_bound(capacity);
  if (it == free_.end() || it->first > capacity + capacity / 4) it = free_.end();
  std::pair<std::size_t, void*> block{capacity, nullptr};
  if (it != free_.end()) {
    block = *it;
    free_.erase(it);
  } else {
    block.second = system_allocate(capacity);
    if (!block.second) {
      for (auto& [size, p] : free_) std::free(p);
      free_.clear();
      block.second = system_allocate(capacity);
    }
    check(block.second, "out of memory: ", bytes, " bytes asked, ", in_use_,
          " in use; a smaller picture (--size) or batch needs less");
  }
  used_.emplace(block.second, block.first);
  in_use_ += block.first;
  peak_ = std::max(peak_, in_use_);
  return block.second;
}

void MemoryPool::release(void* p) noexcept {
  const std::lock_guard lock(mutex_);
  const auto it = used_.find(p);
  if (it == used_.end()) return;
  in_use_ -= it->second;
  free_.emplace(it->second, p);
  used_.erase(it);
}

void MemoryPool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [size, p] : free_) std::free(p);
  free_.clear();
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

}  // namespace sumi
