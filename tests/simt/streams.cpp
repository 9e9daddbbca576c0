// The host's side of the emulated GPU. Nothing enqueued happens before somebody waits for it, and then only what he
// waited for: a forgotten wait reads poison or old values.
#include <algorithm>
#include <deque>
#include <memory>
#include <set>

#include "kernels/core/error.h"
#include "kernels/device/out_of_memory.h"
#include "kernels/device/runtime.h"
#include "tests/simt/simt/machine.h"
#include "tests/simt/simt/memory.h"

namespace sumi::device {
namespace {

struct EmulatedStream;

/// The last recording: which stream must get how far.
struct EmulatedEvent {
  EmulatedStream* stream = nullptr;
  std::uint64_t position = 0;
};

struct Work {
  std::function<void()> run;
  EmulatedEvent awaits;  // with a stream: done when that one is as far
};

using Recorded = std::vector<std::function<void()>>;

struct EmulatedStream {
  std::deque<Work> queue;
  std::uint64_t enqueued = 0, done = 0;
  std::unique_ptr<Recorded> capture;  // while there is one
};

struct Streams {
  EmulatedStream fallback;  // CUDA's null stream
  std::set<EmulatedStream*> alive{&fallback};
  EmulatedStream& at(Stream s) { return s ? *reinterpret_cast<EmulatedStream*>(s) : fallback; }
};
Streams& streams() {
  static Streams all;
  return all;
}

/// Runs `s` up to `position`, and before it whatever its waits want.
void advance(EmulatedStream& s, std::uint64_t position) {
  while (s.done < position) {
    Work w = std::move(s.queue.front());
    s.queue.pop_front();
    s.done++;
    if (w.awaits.stream && streams().alive.count(w.awaits.stream)) advance(*w.awaits.stream, w.awaits.position);
    if (w.run) w.run();
  }
}

/// The same for a host that waits: after a failure nothing is left to do.
void advance_or_fail(EmulatedStream& s, std::uint64_t position) {
  try {
    advance(s, position);
  } catch (const simt::Error& error) {
    s.done = s.enqueued;
    s.queue.clear();
    fail("cuda: ", error.what());
  }
}

/// What spoils the captures of a thread, whatever stream it is for.
void refuse_while_capturing(const char* what) {
  for (const EmulatedStream* s : streams().alive)
    if (s->capture) fail("cuda: ", what, ": operation not permitted when a stream is capturing");
}

void append(EmulatedStream& s, Work w) {
  if (s.capture) return s.capture->push_back(std::move(w.run));
  s.queue.push_back(std::move(w));
  s.enqueued++;
}

void host_reads(const void* p, std::size_t bytes) {
  simt::check_block(p, bytes);
  if (simt::observer()) simt::observer()->host_read(p, bytes);
}

void host_writes(const void* p, std::size_t bytes) {
  simt::check_block(p, bytes);
  if (simt::observer()) simt::observer()->host_wrote(p, bytes);
}

}  // namespace

Availability availability() { return {1, ""}; }

DeviceInfo info() {
  DeviceInfo d;
  d.kind = DeviceKind::cuda;
  d.name = "emulated GPU";
  d.compute_capability = simt::options().compute_capability;
  d.warpgroup_products = d.compute_capability == 90;
  d.multiprocessors = 4;
  d.shared_per_block = simt::options().shared_per_block;
  return d;
}

Stream create_stream() {
  auto* s = new EmulatedStream;
  streams().alive.insert(s);
  return reinterpret_cast<Stream>(s);
}

void destroy_stream(Stream s) noexcept {
  auto* e = reinterpret_cast<EmulatedStream*>(s);
  try {
    advance(*e, e->enqueued);
  } catch (const std::exception&) {  // as on a GPU: what nobody waits for fails unheard
  }
  streams().alive.erase(e);
  delete e;
}

void refuse_in_capture(Stream s, const char* what) {
  if (streams().at(s).capture) throw NotCapturable(concat(what, " cannot be part of a captured graph"));
}

void synchronize(Stream s) {
  refuse_in_capture(s, "waiting for the GPU");
  EmulatedStream& e = streams().at(s);
  advance_or_fail(e, e.enqueued);
}

Event create_event() { return reinterpret_cast<Event>(new EmulatedEvent); }
void destroy_event(Event e) noexcept { delete reinterpret_cast<EmulatedEvent*>(e); }

void record(Event e, Stream s) {
  refuse_in_capture(s, "an event");
  EmulatedStream& stream = streams().at(s);
  *reinterpret_cast<EmulatedEvent*>(e) = {&stream, stream.enqueued};
}

void wait(Stream s, Event e) {
  refuse_in_capture(s, "an event");
  append(streams().at(s), {{}, *reinterpret_cast<EmulatedEvent*>(e)});
}

void wait(Event e) {
  refuse_while_capturing("waiting for an event");
  const EmulatedEvent& event = *reinterpret_cast<EmulatedEvent*>(e);
  if (event.stream && streams().alive.count(event.stream)) advance_or_fail(*event.stream, event.position);
}

void* allocate(std::size_t bytes, Stream s) {
  refuse_in_capture(s, "allocating memory of the GPU");
  void* p = simt::arena().allocate(bytes);
  if (!p) {  // perhaps a release is still to come
    advance(streams().at(s), streams().at(s).enqueued);
    p = simt::arena().allocate(bytes);
  }
  if (!p) throw out_of_memory(bytes);
  return p;
}

void release(void* p, Stream s) noexcept {
  if (p) append(streams().at(s), {[p] { simt::arena().release(p); }, {}});
}

void* allocate_pinned(std::size_t bytes) {
  refuse_while_capturing("pinning memory");
  return new char[bytes];
}
void release_pinned(void* p) noexcept { delete[] static_cast<char*>(p); }
void copy_to_device(void* dst, const void* src, std::size_t bytes, Stream s) {
  refuse_in_capture(s, "copying to the GPU");
  if (bytes == 0) return;
  append(streams().at(s), {[=] {
                             host_writes(dst, bytes);
                             std::memcpy(dst, src, bytes);
                           },
                           {}});
}

void copy_to_host(void* dst, const void* src, std::size_t bytes, Stream s) {
  refuse_in_capture(s, "copying from the GPU");
  if (bytes)
    append(streams().at(s), {[=] {
                               host_reads(src, bytes);
                               std::memcpy(dst, src, bytes);
                             },
                             {}});
  synchronize(s);
}

void copy(void* dst, const void* src, std::size_t bytes, Stream s) {
  if (bytes == 0) return;
  append(streams().at(s), {[=] {
                             host_reads(src, bytes);
                             host_writes(dst, bytes);
                             std::memcpy(dst, src, bytes);
                           },
                           {}});
}

void fill(void* dst, unsigned char value, std::size_t bytes, Stream s) {
  if (bytes == 0) return;
  append(streams().at(s), {[=] {
                             host_writes(dst, bytes);
                             std::memset(dst, value, bytes);
                           },
                           {}});
}

void begin_capture(Stream s) {
  refuse_in_capture(s, "another capture");
  streams().at(s).capture = std::make_unique<Recorded>();
}
ExecutableGraph end_capture(Stream s) { return reinterpret_cast<ExecutableGraph>(streams().at(s).capture.release()); }
void abandon_capture(Stream s) noexcept { streams().at(s).capture.reset(); }
void launch_graph(ExecutableGraph g, Stream s) {
  for (const std::function<void()>& work : *reinterpret_cast<Recorded*>(g)) append(streams().at(s), {work, {}});
}
void destroy_graph(ExecutableGraph g) noexcept { delete reinterpret_cast<Recorded*>(g); }

MemoryState memory_state() {
  const std::size_t total = simt::options().memory;
  return {total - std::min(total, simt::arena().in_use()), total, simt::arena().peak()};
}
std::string versions() { return "emulated GPU"; }

}  // namespace sumi::device

namespace simt {

void enqueue(CUstream_st* stream, std::function<void()> work) {
  sumi::device::append(sumi::device::streams().at(stream), {std::move(work), {}});
}

}  // namespace simt
