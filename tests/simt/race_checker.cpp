#include "tests/simt/race_checker.h"

#include <algorithm>
#include <cstring>

namespace simt::race {
namespace {

constexpr std::size_t kSharedBytes = std::size_t{1} << 20;

std::size_t even(std::size_t n) { return (n + 1) / 2 * 2; }

template <class T>
bool equals(const Byte* state, T pattern) {
  T v;
  std::memcpy(&v, state, sizeof v);
  return v == pattern;
}

bool all_written(const Byte* state, std::size_t bytes) {
  constexpr std::uint64_t kEight = 0x0202020202020202u;
  static_assert(static_cast<int>(Byte::written) == 2);
  if (bytes == 4) return equals(state, static_cast<std::uint32_t>(kEight));
  if (bytes == 16) return equals(state, kEight) && equals(state + 8, kEight);
  if (bytes == 2) return equals(state, static_cast<std::uint16_t>(kEight));
  return bytes == 8 && equals(state, kEight);
}

void watch_static(std::uintptr_t begin, std::size_t bytes) {
  Watched& w = watched();
  const std::uintptr_t end = std::max(begin + bytes, w.statics + w.statics_bytes);
  w.statics = w.statics_bytes ? std::min(begin, w.statics) : begin;
  w.statics_bytes = end - w.statics;
}

}  // namespace

Checker::Checker()
    : arena_(arena().base()),
      global_cells_(Arena::kBytes / 2),
      global_bytes_(Arena::kBytes),
      shared_cells_(kSharedBytes / 2),
      shared_bytes_(kSharedBytes) {
  watched().arena = reinterpret_cast<std::uintptr_t>(arena_);
  watched().dynamic = reinterpret_cast<std::uintptr_t>(dynamic_shared());
}

void Checker::launch_begins(const char*) {
  order_.begin_launch();
  shared_.clear();
  std::size_t cell = 0;
  watched().statics = watched().statics_bytes = 0;
  for (const SharedVariable& v : launch_shared()) {
    const bool dynamic = watched().holds_dynamic(v.data);
    const char* const end = v.data + v.bytes;
    shared_.push_back({v.data, end, dynamic ? v.data + kDynamicCapacity : end, v.name, cell});
    cell += even(v.bytes) / 2;
    if (!dynamic) watch_static(reinterpret_cast<std::uintptr_t>(v.data), v.bytes);
  }
}

void Checker::block_begins() {
  order_.begin_block(blockDim.x * blockDim.y * blockDim.z * cluster_blocks());
  for (const Variable& v : shared_)
    std::memset(&shared_bytes_[v.cell * 2], static_cast<int>(Byte::unwritten),
                static_cast<std::size_t>(v.end - v.begin));
}

void Checker::allocated(const void* p, std::size_t bytes) {
  std::memset(&global_bytes_[static_cast<std::size_t>(static_cast<const char*>(p) - arena_)],
              static_cast<int>(Byte::unwritten), bytes);
}
void Checker::released(const void* p, std::size_t bytes) {
  std::memset(&global_bytes_[static_cast<std::size_t>(static_cast<const char*>(p) - arena_)],
              static_cast<int>(Byte::released), bytes);
}
void Checker::host_wrote(const void* p, std::size_t bytes) {
  std::memset(&global_bytes_[static_cast<std::size_t>(static_cast<const char*>(p) - arena_)],
              static_cast<int>(Byte::written), bytes);
}

void Checker::host_read(const void* p, std::size_t bytes) {
  const auto at = static_cast<std::size_t>(static_cast<const char*>(p) - arena_);
  for (std::size_t i = 0; i < bytes; i++)
    if (global_bytes_[at + i] != Byte::written)
      throw Error("a copy reads byte " + std::to_string(i) + " of " + std::to_string(bytes) +
                  ", which nothing has written: " + block_text(static_cast<const char*>(p) + i));
}

void Checker::access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) {
  Event e{static_cast<const char*>(p), bytes, kind, thread, program_counter(pc), nullptr};
  if (e.data >= arena_ && e.data < arena_ + Arena::kBytes) {
    const auto offset = static_cast<std::size_t>(e.data - arena_);
    if (!all_written(&global_bytes_[offset], bytes)) check_bytes(e, &global_bytes_[offset]);
    for (std::size_t i = offset / 2; i * 2 < offset + bytes; i++) {
      const bool first = i * 2 >= offset, second = i * 2 + 1 < offset + bytes;
      visit_global(e, arena_ + i * 2, global_cells_[i], static_cast<std::uint8_t>(first | second << 1));
    }
    return;
  }
  for (const Variable& v : shared_) {
    if (e.data < v.begin || e.data >= v.beyond) continue;
    e.variable = &v;
    if (e.data + bytes > v.end) report(e, e.data, "access out of bounds");
    const auto offset = static_cast<std::size_t>(e.data - v.begin);
    Byte* const state = &shared_bytes_[v.cell * 2 + offset];
    if (!all_written(state, bytes)) check_bytes(e, state);
    for (std::size_t i = offset / 2; i * 2 < offset + bytes; i++) {
      const bool first = i * 2 >= offset, second = i * 2 + 1 < offset + bytes;
      visit_shared(e, v.begin + i * 2, shared_cells_[v.cell + i], static_cast<std::uint8_t>(first | second << 1));
    }
    return;
  }
}

/// Is every byte of the access there, and, when it is read, written?
void Checker::check_bytes(const Event& e, Byte* state) {
  for (std::size_t i = 0; i < e.bytes; i++) {
    if (state[i] == Byte::written) continue;
    if (state[i] == Byte::outside) report(e, e.data + i, "access out of bounds");
    if (state[i] == Byte::released) report(e, e.data + i, "access to released memory");
    if (!e.writes() || e.kind == Access::atomic) report(e, e.data + i, "read of what nothing has written so far");
    state[i] = Byte::written;
  }
}

bool Checker::ordered(const Record& r, unsigned by) const {
  if (r.thread & kInFlight) return false;
  if (!order_.is_recent(r.time)) return true;
  const unsigned thread = r.thread & kNumber, own = thread / 32 == by / 32 ? 1u << (by % 32) : 0;
  const unsigned lanes = (r.thread & kSeveral ? ~0u : 1u << (thread % 32)) & ~own;
  return !lanes || order_.known(r.time, thread / 32, lanes, by);
}

bool Checker::conflicts(const Event& e, const Record& earlier, std::uint8_t bytes) const {
  if (!order_.in_launch(earlier.time) || !(earlier.bytes & bytes)) return false;
  if (earlier.atomic && e.kind == Access::atomic) return false;
  return !order_.in_block(earlier.time) || !ordered(earlier, e.thread);
}

void Checker::set_write(const Event& e, Record& w, std::uint8_t bytes) {
  const unsigned flight = e.kind == Access::launched ? kInFlight : 0u;
  w = {order_.now(e.thread), e.pc, static_cast<std::uint16_t>(e.thread | flight), bytes, e.kind == Access::atomic};
}

void Checker::visit_global(const Event& e, const char* at, GlobalCell& c, std::uint8_t bytes) {
  if (e.kind == Access::landed) return set_write(e, c.write, bytes);
  if (conflicts(e, c.write, bytes)) report_race(e, at, c.write, c.write.atomic ? "changed atomically" : "written");
  if (!e.writes()) return remember_read(e, c, bytes);
  for (const Record* r : {&c.other_read, &c.read})
    if (conflicts(e, *r, bytes)) report_race(e, at, *r, "read");
  set_write(e, c.write, bytes);
}

/// Of many readers two are kept, of different warps or blocks: whoever writes is not ordered with one of them.
void Checker::remember_read(const Event& e, GlobalCell& c, std::uint8_t bytes) {
  Record& r = c.read;
  const Time now = order_.now(e.thread);
  std::uint16_t several = 0;
  if (order_.in_launch(r.time)) {
    const bool same_warp = order_.in_block(r.time) && (r.thread & kNumber) / 32u == e.thread / 32;
    if (same_warp && r.time == now) {
      const bool different_bytes = (bytes | r.bytes) != bytes && (bytes | r.bytes) != r.bytes;
      if (!different_bytes && (r.thread & kNumber) != e.thread) several = kSeveral;
      if (!different_bytes) {
        several |= r.thread & kSeveral;
        bytes |= r.bytes;
      }
    } else if (!same_warp || !ordered(r, e.thread)) {
      if (!order_.in_launch(c.other_read.time) || order_.in_block(c.other_read.time)) c.other_read = r;
    }
  }
  r = {now, e.pc, static_cast<std::uint16_t>(e.thread | several), bytes, false};
}

void Checker::visit_shared(const Event& e, const char* at, SharedCell& c, std::uint8_t bytes) {
  if (e.kind == Access::landed) return set_write(e, c.write, bytes);
  if (order_.in_block(c.write.time) && conflicts(e, c.write, bytes))
    report_race(e, at, c.write, c.write.atomic ? "changed atomically" : "written");
  if (e.writes()) {
    // Readers are kept for both bytes together: a single byte's write is compared with none.
    if (c.since == order_.base() && bytes == 3) check_readers(e, at, c);
    return set_write(e, c.write, bytes);
  }
  if (c.since != order_.base()) c.warps = 0;
  c.since = order_.base();
  const unsigned warp = e.thread / 32, lane = 1u << (e.thread % 32);
  SharedCell::Readers& r = c.readers[warp];
  const Time now = order_.now(e.thread);
  if (!(c.warps >> warp & 1) || r.time != now) r = {now, 0, e.pc};
  r.lanes |= lane;
  r.pc = e.pc;
  c.warps |= 1u << warp;
}

void Checker::check_readers(const Event& e, const char* at, SharedCell& c) {
  for (unsigned rest = c.warps; rest; rest &= rest - 1) {
    const auto warp = static_cast<unsigned>(std::countr_zero(rest));
    const SharedCell::Readers& r = c.readers[warp];
    const unsigned own = warp == e.thread / 32 ? 1u << (e.thread % 32) : 0;
    unsigned lanes = r.lanes & ~own;
    if (!lanes || order_.known(r.time, warp, lanes, e.thread)) continue;
    for (unsigned l = 0; l < 32; l++)
      if ((lanes >> l & 1) && !order_.known(r.time, warp, 1u << l, e.thread))
        report_race(e, at, {r.time, r.pc, static_cast<std::uint16_t>(warp * 32 + l), 3, false}, "read");
  }
}

}  // namespace simt::race
