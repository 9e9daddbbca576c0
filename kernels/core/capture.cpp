#include "kernels/core/capture.h"

#include <utility>

#include "kernels/core/error.h"
#include "kernels/device/runtime.h"

namespace sumi {
namespace {

/// Calls `end` at the end of a scope, whatever happens in it.
template <class F>
class AtEnd {
 public:
  explicit AtEnd(F end) : end_(std::move(end)) {}
  ~AtEnd() { end_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  F end_;
};

}  // namespace

Rehearsal Capture::rehearse(Context& ctx, const std::function<void()>& work) {
  Rehearsal r;
  PackCache::Watch seen;
  {
    ctx.cache().watch(&seen);
    ctx.device_memory_->begin_count();
    ctx.capturing_ = true;
    const AtEnd end([&] {
      ctx.capturing_ = false;
      ctx.cache().watch(nullptr);
      r.bytes = ctx.device_memory_->end_count();
    });
    work();
  }
  r.written = std::move(seen.written);
  return r;
}

Capture::Capture(Context& ctx, const Rehearsal& known, const std::function<void()>& work) : ctx_(ctx) {
  cache_.capturing = true;
  cache_.changing = known.written;
  memory_ = ctx.device_memory_->begin_capture(known.bytes);
  try {
    record(work);
  } catch (...) {
    ctx.device_memory_->retire(memory_);
    throw;
  }
}

/// Nothing of the capture is left open when it throws.
void Capture::record(const std::function<void()>& work) {
  ctx_.cache().watch(&cache_);
  ctx_.capturing_ = true;
  const AtEnd end([&] {
    ctx_.capturing_ = false;
    ctx_.cache().watch(nullptr);
    ctx_.device_memory_->end_capture();
  });
  device::begin_capture(ctx_.stream());
  try {
    work();
  } catch (...) {
    device::abandon_capture(ctx_.stream());
    throw;
  }
  graph_ = device::end_capture(ctx_.stream());
}

Capture::~Capture() {
  device::destroy_graph(graph_);
  ctx_.device_memory_->retire(memory_);
}

void Capture::launch() {
  device::launch_graph(graph_, ctx_.stream());
  for (const std::uint64_t id : cache_.written) ctx_.cache().written(id);
}

}  // namespace sumi
