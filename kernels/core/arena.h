// Address space that memory is cut from: grows at its end, so that neighbours always merge.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/core/free_list.h"

namespace sumi {

/// Blocks of a free list over as few reserved ranges as possible. A range is backed with (huge) pages only as far as it
/// was ever used, so the memory held stays near the most that was in use at once; where ranges are separate, an
/// activation that fits into no hole takes another range, and a third of what is held lies idle. Not thread-safe.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// A multiple of kUnit bytes, so aligned too: in huge pages that is where the cache sets start over.
  static constexpr std::size_t kUnit = 256u << 10;
  /// A free block, or null: grow() first.
  void* take(std::size_t capacity);
  /// What grow(capacity) would take from the system.
  std::size_t growth(std::size_t capacity) const;
  /// Makes room for `capacity` more bytes in one piece. False when the system refuses.
  bool grow(std::size_t capacity);
  /// The block's size; 0, and nothing done, when it is none of these.
  std::size_t release(void* p) noexcept { return list_.release(reinterpret_cast<std::uintptr_t>(p)); }
  /// Gives the free ends of all ranges back to the system.
  void trim() noexcept;
  std::size_t held() const { return held_; }

 private:
  struct Range {
    char *top, *end;  // backed up to top, reserved up to end
    void* mapping;
    std::size_t mapped;
  };
  static std::uintptr_t top(const Range& r) { return reinterpret_cast<std::uintptr_t>(r.top); }
  bool reserve(std::size_t capacity);

  std::vector<Range> ranges_;  // the last one grows
  FreeList list_;              // of all; ranges never touch: each leaves a part of its last huge page unused
  std::size_t held_ = 0;
};

}  // namespace sumi
