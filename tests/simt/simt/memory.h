// The emulated GPU's memory: one arena, so that a checker knows every address in it.
#pragma once
#include <cstddef>
#include <map>
#include <string>

namespace simt {

/// Blocks stand apart; what lies between them, and what was never written, is poison (and, under AddressSanitizer,
/// unreadable).
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Null when options().memory bytes would be exceeded.
  void* allocate(std::size_t bytes);
  void release(void* p);
  bool contains(const void* p) const { return p >= base_ && p < base_ + kBytes; }
  const char* base() const { return base_; }
  std::size_t in_use() const { return in_use_; }
  std::size_t peak() const { return peak_; }  // the most that was in use at once
  /// The block that holds `p`, or the nearest before it; {null, 0} when there is none.
  std::pair<const char*, std::size_t> block_at(const void* p) const;
  static constexpr std::size_t kBytes = std::size_t{8} << 30;  // address space; pages come as they are touched

 private:
  static constexpr std::size_t kGap = 256;
  char* base_;
  std::map<char*, std::size_t> blocks_;      // by address: bytes asked for
  std::multimap<std::size_t, char*> holes_;  // released ranges by their size, gap included
  char* top_;
  std::size_t in_use_ = 0, peak_ = 0;
};
Arena& arena();

/// "byte 12 of an allocation of 64 bytes", for messages.
std::string block_text(const void* p);
/// Throws Error unless `bytes` from `p` on lie in one allocation: what a copy may touch.
void check_block(const void* p, std::size_t bytes);

}  // namespace simt
