// Places in a range of addresses, without the memory behind them.
#pragma once
#include <cstddef>

#include "kernels/core/free_list.h"

namespace sumi {

/// Cuts a range that begins at 0, and grows it where nothing fits.
class Extents {
 public:
  static constexpr std::size_t kUnit = 512;  // places are multiples of it: what kernels and copies are aligned to

  /// The place of `bytes`.
  std::size_t take(std::size_t bytes);
  void release(std::size_t place) { list_.release(place); }
  bool empty() const { return list_.idle(); }
  /// Where the range ended at most.
  std::size_t size() const { return size_; }

 private:
  FreeList list_;
  std::size_t size_ = 0;
};

}  // namespace sumi
