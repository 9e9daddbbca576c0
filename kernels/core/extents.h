// Places in a range of addresses, without the memory behind them.
#pragma once
#include <cstddef>
#include <map>

namespace sumi {

/// Cuts a range that begins at 0, first fit by address; free neighbours merge.
class Extents {
 public:
  static constexpr std::size_t kUnit = 512;  // places are multiples of it: what kernels and copies are aligned to

  /// The place of `bytes`.
  std::size_t take(std::size_t bytes);
  void release(std::size_t place);
  bool empty() const { return used_.empty(); }
  /// Where the range ended at most.
  std::size_t size() const { return size_; }

 private:
  std::map<std::size_t, std::size_t> used_, free_;  // by place: their sizes
  std::size_t size_ = 0;
};

}  // namespace sumi
