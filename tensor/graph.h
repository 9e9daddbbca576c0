// Work that repeats: done as usual once, captured the second time, and from then on launched as a whole.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "kernels/core/capture.h"
#include "tensor/tensor.h"

namespace sumi {

/// Inference or a whole training step behind one call. On a CPU, while the context is profiled, with SUMI_GRAPHS=0 and
/// within another graph's work, every call just calls the work. On a GPU the first does; the second captures what the
/// work enqueues; later ones launch that, without calling the work. docs/graphs.md has the rules:
///  - tensors that the work reads must stay where they are, and what a run hands on to the next is written in place;
///  - numbers that differ between runs lie in the device's memory;
///  - nothing in the work waits for the GPU, or copies from or to host memory;
///  - tensors that the work makes are overwritten by the next call: read or copy them before.
class Graph {
 public:
  Graph(ContextPtr context, std::function<void()> work);
  /// Throws what the work throws; NotCapturable, naming op or tensor, where it breaks the third rule.
  void operator()();
  /// Whether the last call launched what was captured.
  bool launched() const { return launched_; }

 private:
  bool can_capture() const;
  void rehearse();
  bool capture();

  ContextPtr context_;
  std::function<void()> work_;
  std::optional<Rehearsal> rehearsal_;
  std::unique_ptr<Capture> capture_;
  int failures_ = 0;  // captures that memory did not suffice for
  bool launched_ = false;
};

}  // namespace sumi
