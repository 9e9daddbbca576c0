#include "kernels/core/extents.h"

#include <algorithm>
#include <iterator>

namespace sumi {

std::size_t Extents::take(std::size_t bytes) {
  const std::size_t size = std::max<std::size_t>(1, (bytes + kUnit - 1) / kUnit) * kUnit;
  auto hole = std::ranges::find_if(free_, [&](const auto& f) { return f.second >= size; });
  if (hole == free_.end()) {
    // Grown at its end, where a hole may begin already.
    std::size_t begin = size_;
    if (!free_.empty() && std::prev(free_.end())->first + std::prev(free_.end())->second == size_) {
      begin = std::prev(free_.end())->first;
      free_.erase(std::prev(free_.end()));
    }
    size_ = begin + size;
    hole = free_.emplace(begin, size).first;
  }
  const auto [place, room] = *hole;
  free_.erase(hole);
  if (room > size) free_.emplace(place + size, room - size);
  used_.emplace(place, size);
  return place;
}

void Extents::release(std::size_t place) {
  const auto block = used_.find(place);
  if (block == used_.end()) return;
  std::size_t begin = place, size = block->second;
  used_.erase(block);
  const auto after = free_.lower_bound(begin);
  if (after != free_.begin())
    if (const auto before = std::prev(after); before->first + before->second == begin) {
      begin = before->first, size += before->second;
      free_.erase(before);
    }
  if (after != free_.end() && after->first == begin + size) {
    size += after->second;
    free_.erase(after);
  }
  free_.emplace(begin, size);
}

}  // namespace sumi
