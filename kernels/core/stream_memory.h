// A GPU's memory in the order of one stream, and the memory that captured graphs keep to themselves.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "kernels/core/extents.h"
#include "kernels/core/memory.h"
#include "kernels/device/stream.h"

namespace sumi {

/// Blocks come from the driver's pool. While a graph is captured they come from one range of addresses that the graph
/// owns: what it recorded uses them at every launch, so they go back to the pool only when it is gone, and the last
/// block released. Within the range they are reused as always, because the recorded work has the stream's order too.
class StreamMemory final : public Memory {
 public:
  explicit StreamMemory(Stream s);
  ~StreamMemory() override;
  void* allocate(std::size_t bytes) override;
  void release(void* p) noexcept override;

  /// From begin_count() to end_count(): the bytes of a range in which all blocks of that time find room.
  void begin_count();
  std::size_t end_count();

  class Range;
  /// Takes a range from the pool for the blocks that are asked for until end_capture(). allocate() throws OutOfMemory
  /// meanwhile when the range is full. Blocks of the pool that are released meanwhile go back at the end.
  Range* begin_capture(std::size_t bytes);
  void end_capture();
  /// The graph is gone.
  void retire(Range* range) noexcept;

 private:
  void give_back(void* p) noexcept;
  void free_if_unused(Range* range) noexcept;

  Stream stream_;
  std::unique_ptr<Extents> counted_;
  std::map<void*, std::size_t> counted_places_;
  std::map<char*, std::unique_ptr<Range>> ranges_;  // by where they end
  Range* capturing_ = nullptr;
  std::vector<void*> released_;  // while capturing
};

}  // namespace sumi
