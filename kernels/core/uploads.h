// Copies to a GPU that the host does not wait for.
#pragma once
#include <array>
#include <cstddef>

#include "kernels/device/stream.h"

namespace sumi {

/// Passes bytes through pinned memory: from ordinary memory CUDA may wait for all the work that is enqueued before it
/// copies. Waits for the GPU only when it is four pieces behind.
class Uploads {
 public:
  explicit Uploads(Stream s) : stream_(s) {}
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;
  ~Uploads();

  /// `src` may change as soon as the call returns. Throws NotCapturable while the stream is captured.
  void copy(void* dst, const void* src, std::size_t bytes);

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;
  struct Slot {
    void* memory = nullptr;  // pinned, made at its first use
    Event copied = nullptr;
  };
  void make(Slot& slot);

  Stream stream_;
  std::array<Slot, 4> slots_;
  std::size_t next_ = 0;
};

}  // namespace sumi
