#include "tensor/graph.h"

namespace sumi {
namespace {

constexpr int kAttempts = 3;

}  // namespace

Graph::Graph(ContextPtr context, std::function<void()> work) : context_(std::move(context)), work_(std::move(work)) {}

bool Graph::can_capture() const {
  const Context& c = *context_;
  return c.device().kind == DeviceKind::cuda && c.graphs() && !c.profile && !c.capturing() && failures_ < kAttempts;
}

void Graph::rehearse() {
  rehearsal_.reset();
  rehearsal_ = Capture::rehearse(*context_, work_);
}

/// False when memory does not suffice: for a range of its own, or more is wanted than at the rehearsal.
bool Graph::capture() {
  Rehearsal known = *rehearsal_;
  known.bytes += known.bytes / 8 * static_cast<std::size_t>(failures_);
  try {
    capture_ = std::make_unique<Capture>(*context_, known, work_);
    return true;
  } catch (const OutOfMemory&) {
    failures_++;
    return false;
  }
}

void Graph::operator()() {
  launched_ = false;
  // What the work makes in a call of its own is not what a launch writes.
  if (!can_capture() || (capture_ && !capture_->is_current())) capture_.reset(), rehearsal_.reset();
  if (!can_capture()) return work_();
  if (!capture_ && (!rehearsal_ || !capture())) return rehearse();
  capture_->launch();
  launched_ = true;
}

}  // namespace sumi
