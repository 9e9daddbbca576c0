#include "kernels/core/stream_memory.h"

#include <utility>

#include "kernels/core/error.h"
#include "kernels/device/runtime.h"

namespace sumi {

/// One graph's.
class StreamMemory::Range {
 public:
  Range(char* begin, std::size_t bytes) : begin_(begin), bytes_(bytes) {}
  char* begin() const { return begin_; }
  char* end() const { return begin_ + bytes_; }
  void* take(std::size_t bytes) {
    const std::size_t place = extents_.take(bytes);
    if (extents_.size() <= bytes_) return begin_ + place;
    extents_.release(place);
    throw OutOfMemory(concat("GPU out of memory: ", size_text(bytes), " more asked for by a captured graph than the ",
                             size_text(bytes_), " that its first run had in use"));
  }
  void release(void* p) { extents_.release(static_cast<std::size_t>(static_cast<char*>(p) - begin_)); }
  bool unused() const { return retired && extents_.empty(); }

  bool retired = false;

 private:
  char* begin_;
  std::size_t bytes_;
  Extents extents_;
};

StreamMemory::StreamMemory(Stream s) : stream_(s) {}

StreamMemory::~StreamMemory() {
  for (const auto& [end, range] : ranges_) device::release(range->begin(), stream_);
}

void* StreamMemory::allocate(std::size_t bytes) {
  if (capturing_) return capturing_->take(bytes);
  void* p = device::allocate(bytes, stream_);
  if (counted_) counted_places_.insert_or_assign(p, counted_->take(bytes));
  return p;
}

void StreamMemory::release(void* p) noexcept {
  if (!p) return;
  if (const auto range = ranges_.upper_bound(static_cast<char*>(p));
      range != ranges_.end() && p >= range->second->begin()) {
    range->second->release(p);
    return free_if_unused(range->second.get());
  }
  if (counted_)
    if (const auto place = counted_places_.find(p); place != counted_places_.end()) {
      counted_->release(place->second);
      counted_places_.erase(place);
    }
  give_back(p);
}

void StreamMemory::give_back(void* p) noexcept { capturing_ ? released_.push_back(p) : device::release(p, stream_); }

void StreamMemory::begin_count() {
  counted_ = std::make_unique<Extents>();
  counted_places_.clear();
}

std::size_t StreamMemory::end_count() { return std::exchange(counted_, nullptr)->size(); }

StreamMemory::Range* StreamMemory::begin_capture(std::size_t bytes) {
  const std::size_t size = (bytes / Extents::kUnit + 1) * Extents::kUnit;
  auto* begin = static_cast<char*>(device::allocate(size, stream_));
  auto range = std::make_unique<Range>(begin, size);
  return capturing_ = ranges_.emplace(range->end(), std::move(range)).first->second.get();
}

void StreamMemory::end_capture() {
  capturing_ = nullptr;
  for (void* p : std::exchange(released_, {})) device::release(p, stream_);
}

void StreamMemory::retire(Range* range) noexcept {
  range->retired = true;
  free_if_unused(range);
}

void StreamMemory::free_if_unused(Range* range) noexcept {
  if (!range->unused()) return;
  give_back(range->begin());
  ranges_.erase(range->end());
}

}  // namespace sumi
