// Address space that memory is cut from: grows at its end, so that neighbours always merge.
#pragma once
#include <cstddef>
#include <map>
#include <vector>

namespace sumi {

/// Blocks cut first fit, by address, from as few reserved ranges as possible, and merged with their free neighbours on
/// release. A range is backed with (huge) pages only as far as it was ever used, so the memory held stays near the most
/// that was in use at once; where ranges are separate, an activation that fits into no hole takes another range, and a
/// third of what is held lies idle. Not thread-safe.
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
  std::size_t release(void* p) noexcept;
  /// Gives the free ends of all ranges back to the system.
  void trim() noexcept;
  std::size_t held() const { return held_; }

 private:
  struct Range {
    char *top, *end;  // backed up to top, reserved up to end
    void* mapping;
    std::size_t mapped;
  };
  std::size_t free_tail(const Range& r) const;
  bool reserve(std::size_t capacity);
  void add_free(char* p, std::size_t size);

  std::vector<Range> ranges_;          // the last one grows
  std::map<char*, std::size_t> used_;  // by address
  std::map<char*, std::size_t> free_;
  std::size_t held_ = 0;
};

}  // namespace sumi
