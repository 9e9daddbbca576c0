#include "tests/simt/simt/memory.h"

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <new>

#include "tests/simt/simt/machine.h"

namespace simt {

Arena::Arena() {
  void* p = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  base_ = top_ = static_cast<char*>(p);
}

Arena::~Arena() { munmap(base_, kBytes); }

void* Arena::allocate(std::size_t bytes) {
  if (bytes > options().memory || in_use_ > options().memory - bytes) return nullptr;
  const std::size_t whole = (bytes + 255) / 256 * 256 + kGap;
  char* p = top_;
  if (const auto hole = holes_.lower_bound(whole); hole != holes_.end() && hole->first <= 2 * whole) {
    p = hole->second;
    holes_.erase(hole);
  } else {
    if (top_ + whole > base_ + kBytes) return nullptr;
    top_ += whole;
  }
  blocks_[p] = bytes;
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  ASAN_UNPOISON_MEMORY_REGION(p, bytes);
  fill_unseen(p, bytes, options().poison);
  if (observer()) observer()->allocated(p, bytes);
  ASAN_POISON_MEMORY_REGION(p + bytes, whole - bytes);
  return p;
}

void Arena::release(void* p) {
  const auto it = blocks_.find(static_cast<char*>(p));
  if (it == blocks_.end()) throw Error("release of device memory that is not allocated");
  const std::size_t whole = (it->second + 255) / 256 * 256 + kGap;
  fill_unseen(p, it->second, options().poison);
  if (observer()) observer()->released(p, it->second);
  ASAN_POISON_MEMORY_REGION(p, whole);
  in_use_ -= it->second;
  holes_.emplace(whole, it->first);
  blocks_.erase(it);
}

std::pair<const char*, std::size_t> Arena::block_at(const void* p) const {
  auto it = blocks_.upper_bound(static_cast<char*>(const_cast<void*>(p)));
  if (it == blocks_.begin()) return {nullptr, 0};
  --it;
  return *it;
}

Arena& arena() {
  static Arena a;
  return a;
}

std::string block_text(const void* p) {
  const auto [block, bytes] = arena().block_at(p);
  if (!block) return "no allocation";
  return "byte " + std::to_string(static_cast<const char*>(p) - block) + " of an allocation of " +
         std::to_string(bytes) + " bytes";
}

void check_block(const void* p, std::size_t bytes) {
  const auto [block, size] = arena().block_at(p);
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(p) - block);
  if (!block || offset + bytes > size)
    throw Error("a copy of " + std::to_string(bytes) + " bytes leaves its allocation: it starts at " + block_text(p));
}

}  // namespace simt
