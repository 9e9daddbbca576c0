// The GPU of a build without CUDA: there is none, and it says so.
#include "kernels/core/error.h"
#include "kernels/device/runtime.h"

namespace sumi::device {
namespace {

constexpr const char* kWhy = "this build has no CUDA kernels: build with the CUDA Toolkit (nvcc on the PATH)";
[[noreturn]] void refuse() { fail(kWhy); }

}  // namespace

Availability availability() { return {0, kWhy}; }
DeviceInfo info() { refuse(); }
Stream create_stream() { refuse(); }
void destroy_stream(Stream) noexcept {}
void synchronize(Stream) { refuse(); }
Event create_event() { refuse(); }
void destroy_event(Event) noexcept {}
void record(Event, Stream) { refuse(); }
void wait(Stream, Event) { refuse(); }
void wait(Event) { refuse(); }
void* allocate(std::size_t, Stream) { refuse(); }
void release(void*, Stream) noexcept {}
void* allocate_pinned(std::size_t) { refuse(); }
void release_pinned(void*) noexcept {}
void copy_to_device(void*, const void*, std::size_t, Stream) { refuse(); }
void copy_to_host(void*, const void*, std::size_t, Stream) { refuse(); }
void copy(void*, const void*, std::size_t, Stream) { refuse(); }
void fill(void*, unsigned char, std::size_t, Stream) { refuse(); }
void begin_capture(Stream) { refuse(); }
void refuse_in_capture(Stream, const char*) { refuse(); }
ExecutableGraph end_capture(Stream) { refuse(); }
void abandon_capture(Stream) noexcept {}
void launch_graph(ExecutableGraph, Stream) { refuse(); }
void destroy_graph(ExecutableGraph) noexcept {}
MemoryState memory_state() { return {}; }
std::string versions() { return ""; }

}  // namespace sumi::device
