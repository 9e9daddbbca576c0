// Work of a GPU's stream, recorded once and launched as a whole: a launch costs the host microseconds, whatever the
// number of kernels in it.
#pragma once
#include <functional>
#include <set>

#include "kernels/core/context.h"
#include "kernels/core/stream_memory.h"

namespace sumi {

/// What a capture must know of its work beforehand, from doing it once.
struct Rehearsal {
  std::size_t bytes = 0;            // room for all that it allocates
  std::set<std::uint64_t> written;  // storages that it changes
};

/// The commands that `work` enqueues on a context's stream, with their arguments' values and the memory between them.
/// The context must outlive it.
class Capture {
 public:
  /// Does `work` as always.
  static Rehearsal rehearse(Context& ctx, const std::function<void()>& work);

  /// Calls `work`, but nothing is done until launch(). Throws OutOfMemory when it wants more room than was rehearsed,
  /// and NotCapturable, naming op or tensor, when it waits for the GPU or copies from or to host memory.
  Capture(Context& ctx, const Rehearsal& known, const std::function<void()>& work);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  /// False once a storage was written from whose packed form the recorded work reads.
  bool is_current() const { return ctx_.cache().has(cache_.constants); }
  void launch();

 private:
  void record(const std::function<void()>& work);

  Context& ctx_;
  PackCache::Watch cache_;
  StreamMemory::Range* memory_ = nullptr;
  ExecutableGraph graph_ = nullptr;
};

}  // namespace sumi
