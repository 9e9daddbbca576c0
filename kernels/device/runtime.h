// The host's side of a GPU: memory, copies, streams and events. Three libraries implement it, and the link chooses:
// CUDA's runtime, the emulator (tests/simt), and one that says that this build has no CUDA. Everything else of the
// engine touches a GPU only through these functions and launch().
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "kernels/core/device.h"
#include "kernels/device/stream.h"

namespace sumi::device {

/// How many GPUs can be used; with 0, `why` says in one line what is missing (driver, GPU, build). Never throws.
struct Availability {
  int count = 0;
  std::string why;
};
Availability availability();

/// The GPU that is used. Throws Error with availability().why when there is none.
DeviceInfo info();

/// A queue of its own, not ordered with the default stream. Throws Error. Destroying it waits for nothing.
Stream create_stream();
void destroy_stream(Stream s) noexcept;
/// Waits until all work of `s` is done; throws Error with what failed in it.
void synchronize(Stream s);

/// A mark in a stream, without time. Throws Error.
Event create_event();
void destroy_event(Event e) noexcept;
void record(Event e, Stream s);
/// What is enqueued on `s` from now on waits for the work that `e` has recorded.
void wait(Stream s, Event e);
/// The host waits for it; throws Error with what failed.
void wait(Event e);

/// Stream-ordered memory, 256-byte aligned, not cleared: usable by work enqueued on `s` from now on, until release() in
/// the same stream. Throws OutOfMemory naming the size and what is free.
void* allocate(std::size_t bytes, Stream s);
void release(void* p, Stream s) noexcept;

/// Host memory that the GPU reads without the host. Throws OutOfMemory naming the size and what is free.
void* allocate_pinned(std::size_t bytes);
void release_pinned(void* p) noexcept;

/// `src` must stay as it is until the copy is done. If it is not pinned, the host may wait for all earlier work of `s`.
void copy_to_device(void* dst, const void* src, std::size_t bytes, Stream s);
/// Returns when `dst` holds the bytes.
void copy_to_host(void* dst, const void* src, std::size_t bytes, Stream s);
/// Between two places of the GPU.
void copy(void* dst, const void* src, std::size_t bytes, Stream s);
/// Every byte to `value`.
void fill(void* dst, unsigned char value, std::size_t bytes, Stream s);

/// Between the two calls nothing that is enqueued on `s` is done: it is recorded, with the values that its arguments
/// have now, and what is written later in the memory that they point to. Whatever waits for `s`, allocates there or
/// copies from or to host memory throws NotCapturable meanwhile.
void begin_capture(Stream s);
/// Throws NotCapturable, naming `what`, while `s` is captured.
void refuse_in_capture(Stream s, const char* what);
/// Throws Error when the recording is not whole; it is over all the same.
ExecutableGraph end_capture(Stream s);
/// Ends a recording that failed; what was recorded is lost.
void abandon_capture(Stream s) noexcept;
/// Enqueues all that was recorded.
void launch_graph(ExecutableGraph g, Stream s);
/// What was launched is done all the same.
void destroy_graph(ExecutableGraph g) noexcept;

/// Bytes: free on the GPU, there in all, and the most that this process had in use at once.
struct MemoryState {
  std::size_t free = 0, total = 0, peak = 0;
};
MemoryState memory_state();

/// Library names and versions for `sumi info`: "CUDA 13.0, cuBLASLt 13.1.0, cuDNN not found"; "" without CUDA. Opens
/// the libraries to ask them.
std::string versions();

}  // namespace sumi::device
