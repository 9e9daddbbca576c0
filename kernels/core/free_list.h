// What of a range of addresses is free.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace sumi {

/// Blocks cut first fit, by address, from the room that was added, and merged with their free neighbours on release.
/// Knows places only, not the memory behind them. Not thread-safe.
class FreeList {
 public:
  /// The place of a block of `size`; nothing where no hole is large enough.
  std::optional<std::uintptr_t> take(std::size_t size);
  /// The block's size; 0, and nothing done, when none begins there.
  std::size_t release(std::uintptr_t place) noexcept;
  void add(std::uintptr_t place, std::size_t size);
  /// The size of the hole that ends at `end`; 0 where there is none.
  std::size_t free_before(std::uintptr_t end) const;
  /// Takes the last `size` bytes of that hole out of the room.
  void remove_before(std::uintptr_t end, std::size_t size);
  /// True while no block is taken.
  bool idle() const { return used_.empty(); }

 private:
  std::map<std::uintptr_t, std::size_t> used_, free_;  // by place: their sizes
};

}  // namespace sumi
