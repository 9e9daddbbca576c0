#include "kernels/core/extents.h"

#include <algorithm>

namespace sumi {

std::size_t Extents::take(std::size_t bytes) {
  const std::size_t size = std::max<std::size_t>(1, (bytes + kUnit - 1) / kUnit) * kUnit;
  if (const auto place = list_.take(size)) return *place;
  // Grown at its end, where a hole may begin already.
  const std::size_t more = size - list_.free_before(size_);
  list_.add(size_, more);
  size_ += more;
  return *list_.take(size);
}

}  // namespace sumi
