#include "kernels/core/free_list.h"

#include <algorithm>
#include <iterator>

namespace sumi {

std::optional<std::uintptr_t> FreeList::take(std::size_t size) {
  const auto hole = std::ranges::find_if(free_, [&](const auto& f) { return f.second >= size; });
  if (hole == free_.end()) return std::nullopt;
  const auto [place, room] = *hole;
  free_.erase(hole);
  if (room > size) free_.emplace(place + size, room - size);
  used_.emplace(place, size);
  return place;
}

std::size_t FreeList::release(std::uintptr_t place) noexcept {
  const auto block = used_.find(place);
  if (block == used_.end()) return 0;
  const std::size_t size = block->second;
  used_.erase(block);
  add(place, size);
  return size;
}

void FreeList::add(std::uintptr_t place, std::size_t size) {
  if (const auto after = free_.find(place + size); after != free_.end()) {
    size += after->second;
    free_.erase(after);
  }
  if (const std::size_t before = free_before(place))
    free_[place - before] += size;
  else
    free_.emplace(place, size);
}

std::size_t FreeList::free_before(std::uintptr_t end) const {
  const auto after = free_.lower_bound(end);
  if (after == free_.begin()) return 0;
  const auto& [place, size] = *std::prev(after);
  return place + size == end ? size : 0;
}

void FreeList::remove_before(std::uintptr_t end, std::size_t size) {
  const auto hole = free_.find(end - free_before(end));
  hole->second -= size;
  if (hole->second == 0) free_.erase(hole);
}

}  // namespace sumi
