// The host's side: streams, events and memory, through kernels/device/runtime.h.
#include <algorithm>

#include "tests/simt/defects.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;

struct TwoStreams {
  Stream a = device::create_stream(), b = device::create_stream();
  Event e = device::create_event();
  ~TwoStreams() {
    device::destroy_event(e);
    device::destroy_stream(a);
    device::destroy_stream(b);
  }
};

Floats read(const void* p, std::size_t n, Stream s) {
  Floats v(n);
  device::copy_to_host(v.data(), p, n * 4, s);
  return v;
}

/// Stream b reads what stream a copies, after a's event.
enum class Wait { right, missing, recorded_early, before_record };
template <Wait D>
bool run_event(bool seeded) {
  const TwoStreams s;
  void* const p = device::allocate(256, s.a);
  void* const q = device::allocate(256, s.b);
  const Floats x = counting(64);
  device::fill(p, 0, 256, s.a);
  device::synchronize(s.a);
  if (seeded && D == Wait::recorded_early) device::record(s.e, s.a);
  if (seeded && D == Wait::before_record) device::wait(s.b, s.e);
  device::copy_to_device(p, x.data(), 256, s.a);
  if (!seeded || D != Wait::recorded_early) device::record(s.e, s.a);
  if (!seeded || D == Wait::recorded_early) device::wait(s.b, s.e);
  device::synchronize(s.b);  // allocations of b stand
  device::copy(q, p, 256, s.b);
  const bool right = read(q, 64, s.b) == x;
  device::synchronize(s.a);
  device::release(p, s.a);
  device::release(q, s.b);
  return right;
}

bool run_read_without_wait(bool seeded) {
  const TwoStreams s;
  void* const p = device::allocate(256, s.a);
  const Floats x = counting(64);
  device::copy_to_device(p, x.data(), 256, s.a);
  if (!seeded) device::synchronize(s.a);
  const bool right = read(p, 64, s.b) == x;
  device::release(p, s.a);
  return right;
}

/// Pinned memory is used again before the GPU has copied it.
bool run_pinned_rewritten(bool seeded) {
  const TwoStreams s;
  void* const p = device::allocate(256, s.a);
  auto* const pinned = static_cast<float*>(device::allocate_pinned(256));
  const Floats x = counting(64);
  std::ranges::copy(x, pinned);
  device::copy_to_device(p, pinned, 256, s.a);
  device::record(s.e, s.a);
  if (!seeded) device::wait(s.e);
  std::fill_n(pinned, 64, 0.f);
  const bool right = read(p, 64, s.a) == x;
  device::release_pinned(pinned);
  device::release(p, s.a);
  return right;
}

bool run_use_after_release(bool seeded) {
  void* const p = device::allocate(256, nullptr);
  device::fill(p, 1, 256, nullptr);
  if (seeded) device::release(p, nullptr);
  const Floats v = read(p, 64, nullptr);
  if (!seeded) device::release(p, nullptr);
  return v == Floats(64, v[0]) && v[0] > 0;
}

/// A stream gives memory back that another still writes.
bool run_release_in_other_stream(bool seeded) {
  const TwoStreams s;
  void* const p = device::allocate(256, s.a);
  device::fill(p, 1, 256, s.a);
  if (seeded) device::release(p, s.b);
  device::synchronize(s.b);
  const Floats v = read(p, 64, s.a);
  if (!seeded) device::release(p, s.a);
  return v == Floats(64, v[0]) && v[0] > 0;
}

bool run_release_twice(bool seeded) {
  void* const p = device::allocate(256, nullptr);
  device::release(p, nullptr);
  if (seeded) device::release(p, nullptr);
  device::synchronize(nullptr);
  return true;
}

enum class Copy { in, out, between, set };
template <Copy D>
bool run_copy_overrun(bool seeded) {
  const std::size_t n = seeded ? 260 : 256;
  void* const p = device::allocate(256, nullptr);
  void* const q = device::allocate(D == Copy::between ? 256 : 512, nullptr);
  Floats host = counting(65);
  device::copy_to_device(p, host.data(), D == Copy::in ? n : 256, nullptr);
  device::fill(q, 0, D == Copy::set ? (seeded ? 516 : 512) : 256, nullptr);
  device::copy(q, p, D == Copy::between ? n : 256, nullptr);
  device::copy_to_host(host.data(), p, D == Copy::out ? n : 256, nullptr);
  device::release(p, nullptr);
  device::release(q, nullptr);
  device::synchronize(nullptr);
  return host == counting(65);
}

/// A buffer of which only a part was ever filled.
bool run_unwritten(bool seeded) {
  void* const p = device::allocate(256, nullptr);
  device::fill(p, 0, seeded ? 252 : 256, nullptr);
  const Floats v = read(p, 64, nullptr);
  device::release(p, nullptr);
  return v == Floats(64);
}

/// Copies back before the stream that computes has been waited for.
bool run_result_too_early(bool seeded) {
  const TwoStreams s;
  void* const p = device::allocate(256, s.a);
  device::fill(p, 0, 256, s.a);
  device::synchronize(s.a);
  device::fill(p, 1, 256, s.a);
  const Floats v = read(p, 64, seeded ? s.b : s.a);
  device::release(p, s.a);
  return v[0] != 0;
}

}  // namespace

std::vector<Defect> host_defects() {
  return {
      {"streams: no wait for the other stream's event", run_event<Wait::missing>, everywhere},
      {"streams: event recorded before the work", run_event<Wait::recorded_early>, everywhere},
      {"streams: wait for an event not yet recorded", run_event<Wait::before_record>, everywhere},
      {"streams: read before the other stream's copy", run_read_without_wait, everywhere},
      {"streams: result read from another stream", run_result_too_early, everywhere},
      {"streams: pinned memory rewritten before its copy", run_pinned_rewritten, everywhere},
      {"memory: used after its release", run_use_after_release, everywhere},
      {"memory: released in a stream that does not wait for its use", run_release_in_other_stream, everywhere},
      {"memory: released twice", run_release_twice, everywhere},
      {"memory: copy to the GPU too long", run_copy_overrun<Copy::in>, everywhere},
      {"memory: copy to the host too long", run_copy_overrun<Copy::out>, everywhere},
      {"memory: copy on the GPU too long", run_copy_overrun<Copy::between>, everywhere},
      {"memory: fill too long", run_copy_overrun<Copy::set>, everywhere},
      {"memory: copied back before it was all written", run_unwritten, everywhere},
  };
}

}  // namespace sumi::test
