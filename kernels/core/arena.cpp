#include "kernels/core/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace sumi {
namespace {

constexpr std::size_t kHugePage = 2u << 20;
constexpr std::size_t kStep = 32u << 20;  // what a range grows by at least: untouched pages cost nothing

constexpr std::size_t round_up(std::size_t n, std::size_t unit) { return (n + unit - 1) / unit * unit; }

/// Addresses to reserve at a time: all of the machine's memory, or a quarter of what a limit leaves the process.
std::size_t reservation() {
  const auto pages = static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_PHYS_PAGES)));
  std::size_t bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bytes = std::min<std::size_t>(bytes, limit.rlim_cur / 4);
  return bytes;
}

void* reserve_addresses(std::size_t size) {
  void* p = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

}  // namespace

Arena::~Arena() {
  for (const Range& r : ranges_) ::munmap(r.mapping, r.mapped);
}

void* Arena::take(std::size_t capacity) {
  const auto it = std::ranges::find_if(free_, [&](const auto& block) { return block.second >= capacity; });
  if (it == free_.end()) return nullptr;
  const auto [p, size] = *it;
  free_.erase(it);
  if (size > capacity) free_.emplace(p + capacity, size - capacity);
  used_.emplace(p, capacity);
  return p;
}

std::size_t Arena::free_tail(const Range& r) const {
  const auto after = free_.lower_bound(r.top);
  if (after == free_.begin()) return 0;
  const auto& [p, size] = *std::prev(after);
  return p + size == r.top ? size : 0;
}

std::size_t Arena::growth(std::size_t capacity) const {
  const std::size_t tail = ranges_.empty() ? 0 : std::min(capacity, free_tail(ranges_.back()));
  return round_up(std::max(capacity - tail, kStep), kHugePage);
}

bool Arena::reserve(std::size_t capacity) {
  for (const std::size_t size : {std::max(reservation(), capacity), capacity}) {
    const std::size_t mapped = round_up(size, kHugePage) + kHugePage;
    auto* p = mapped > size ? static_cast<char*>(reserve_addresses(mapped)) : nullptr;
    if (!p) continue;
    char* begin = p + (kHugePage - reinterpret_cast<std::uintptr_t>(p) % kHugePage) % kHugePage;
    ::madvise(begin, mapped - kHugePage, MADV_HUGEPAGE);
    ranges_.push_back({begin, begin + (mapped - kHugePage), p, mapped});
    return true;
  }
  return false;
}

bool Arena::grow(std::size_t capacity) {
  std::size_t more = growth(capacity);
  if (ranges_.empty() || static_cast<std::size_t>(ranges_.back().end - ranges_.back().top) < more) {
    more = round_up(std::max(capacity, kStep), kHugePage);
    if (!reserve(more)) return false;
  }
  Range& r = ranges_.back();
  if (::mprotect(r.top, more, PROT_READ | PROT_WRITE) != 0) return false;
  add_free(r.top, more);
  r.top += more;
  held_ += more;
  return true;
}

/// Merged with its neighbours. Those of another range never touch: each leaves a part of its last huge page unused.
void Arena::add_free(char* p, std::size_t size) {
  const auto after = free_.lower_bound(p);
  if (after != free_.end() && after->first == p + size) {
    size += after->second;
    free_.erase(after);
  }
  const auto next = free_.lower_bound(p);
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == p) {
      before->second += size;
      return;
    }
  }
  free_.emplace(p, size);
}

std::size_t Arena::release(void* p) noexcept {
  const auto it = used_.find(static_cast<char*>(p));
  if (it == used_.end()) return 0;
  const auto [begin, size] = *it;
  used_.erase(it);
  add_free(begin, size);
  return size;
}

void Arena::trim() noexcept {
  for (Range& r : ranges_) {
    const std::size_t tail = free_tail(r) / kHugePage * kHugePage;
    if (tail == 0) continue;
    const auto block = std::prev(free_.lower_bound(r.top));
    r.top -= tail;
    held_ -= tail;
    ::madvise(r.top, tail, MADV_DONTNEED);
    ::mprotect(r.top, tail, PROT_NONE);
    block->second -= tail;
    if (block->second == 0) free_.erase(block);
  }
}

}  // namespace sumi
