#include "kernels/core/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

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

void* Arena::take(std::size_t capacity) { return reinterpret_cast<void*>(list_.take(capacity).value_or(0)); }

std::size_t Arena::growth(std::size_t capacity) const {
  const std::size_t tail = ranges_.empty() ? 0 : std::min(capacity, list_.free_before(top(ranges_.back())));
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
  list_.add(top(r), more);
  r.top += more;
  held_ += more;
  return true;
}

void Arena::trim() noexcept {
  for (Range& r : ranges_) {
    const std::size_t tail = list_.free_before(top(r)) / kHugePage * kHugePage;
    if (tail == 0) continue;
    list_.remove_before(top(r), tail);
    r.top -= tail;
    held_ -= tail;
    ::madvise(r.top, tail, MADV_DONTNEED);
    ::mprotect(r.top, tail, PROT_NONE);
  }
}

}  // namespace sumi
