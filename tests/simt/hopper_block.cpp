// Barriers, tensor copies and the asynchronous proxy's view of shared memory.
#include "tests/simt/hopper_block.h"

#include <memory>

namespace simt {
namespace {

std::unique_ptr<HopperBlock>& known_block(unsigned rank) {
  static std::unique_ptr<HopperBlock> blocks[kClusterBlocks];
  return blocks[rank];
}

/// A cluster's blocks end once nothing is on its way to them.
void check_block_end(const HopperBlock& b) {
  if (cluster_blocks() == 1 || block_lives(cluster_rank())) return;
  for (const auto& [place, s] : b.barriers)
    if (!s.loads.empty()) fail("the block ends while a tensor load is on its way to it");
}

void check_thread_end() {
  if (!known_block(cluster_rank())) return;
  HopperBlock& b = hopper_block();
  if (const auto q = b.stores.find(current_thread()); q != b.stores.end() && !q->second.stores.empty())
    fail("the thread ends before its stores have read shared memory");
  const auto g = b.warpgroups.find(thread_in_block() / 128);
  const unsigned warp = thread_in_block() / 32 % 4;
  if (g != b.warpgroups.end() && g->second.landed[warp] != g->second.issued[warp])
    fail("the thread ends before its warpgroup's products are done");
  check_block_end(b);
}

/// The same place in the shared memory of the cluster's block `rank`.
const void* place_in(unsigned rank, const void* p) {
  return static_cast<const char*>(p) + (dynamic_shared(rank) - dynamic_shared());
}

BarrierState& state_of(unsigned rank, const void* b, const void* pc) {
  if (rank >= cluster_blocks()) fail("mbarrier: the cluster has no block " + std::to_string(rank));
  if (!block_lives(rank)) fail("mbarrier: block " + std::to_string(rank) + " of the cluster has ended");
  const auto it = hopper_block(rank).barriers.find(b);
  if (it == hopper_block(rank).barriers.end())
    fail(rank == cluster_rank() ? "mbarrier: not initialised in this block"
                                : "mbarrier: block " + std::to_string(rank) + " of the cluster has not initialised it");
  note_access(b, sizeof(sumi::Mbarrier), Observer::Access::read, pc);
  return it->second;
}

void begin_phase(BarrierState& s) {
  s.phase++;
  s.pending = s.count;
  s.expected = s.in_flight = 0;
  s.loads.clear();
}

void check_bytes(const BarrierState& s) {
  if (s.pending == 0 && s.in_flight > s.expected)
    fail("mbarrier: " + std::to_string(s.in_flight) + " bytes are on their way, " + std::to_string(s.expected) +
         " are expected");
}

/// What threads learn from each other through a phase: not what arrivals of the next one know.
const void* phase_of(const void* b, unsigned phase) { return static_cast<const char*>(b) + phase % 2; }

void arrive_at(unsigned rank, const void* b, std::size_t bytes, const void* pc) {
  BarrierState& s = state_of(rank, b, pc);
  if (s.pending == 0) fail("mbarrier: more arrivals than its count of " + std::to_string(s.count));
  release(phase_of(b, s.phase));
  s.pending--;
  s.expected += bytes;
  check_bytes(s);
  if (s.over() && s.loads.empty()) begin_phase(s);
}

/// A load's bytes appear, in the name of the thread that waited.
void deliver(const TensorCopy& c) {
  AsyncView& memory = hopper_block().memory;
  note_access(dynamic_shared() + c.at, c.box.map.bytes(), Observer::Access::landed, c.pc);
  c.box.visit([&](const BoxChunk& k) {
    char chunk[16] = {};
    const auto count = static_cast<std::size_t>(k.end - k.begin);
    if (count > 0) {
      note_access(k.from + k.begin, count, Observer::Access::read, c.pc);
      copy_unseen(chunk + k.begin, k.from + k.begin, count);
    }
    memory.land(c.at + c.box.swizzled(k.offset), chunk);
  });
}

/// Into the block `rank`; `dst` and `b` are places in the running block.
void begin_load_to(unsigned rank, const void* dst, const TensorBox& box, const void* b, const void* pc) {
  const std::size_t bytes = box.map.bytes();
  const int span = span_of(box.map.swizzle);
  const std::size_t at = AsyncView::place_of(dst, bytes, "tensor load"),
                    wanted = span ? 8 * static_cast<std::size_t>(span) : 128;
  if (at % wanted) fail("tensor load: the destination is not aligned to " + std::to_string(wanted) + " bytes");
  b = place_in(rank, b);
  BarrierState& s = state_of(rank, b, pc);
  if (!s.fenced) fail("tensor load: the barrier's initialisation was not followed by fence_barriers()");
  s.in_flight += bytes;
  check_bytes(s);
  s.loads.push_back({box, at, pc});
  note_access(place_in(rank, dst), bytes, Observer::Access::launched, pc);
  hopper_block(rank).memory.launch(at, bytes);
}

void begin_load(const void* dst, const TensorBox& box, const void* b, const void* pc) {
  begin_load_to(cluster_rank(), dst, box, b, pc);
}

/// A store reads its box and writes the tensor.
void perform(const TensorCopy& c) {
  const AsyncView& memory = hopper_block().memory;
  note_access(dynamic_shared() + c.at, c.box.map.bytes(), Observer::Access::read, c.pc);
  c.box.visit([&](const BoxChunk& k) {
    const char* from = memory.read(c.at + c.box.swizzled(k.offset), "tensor store");
    const auto count = static_cast<std::size_t>(k.end - k.begin);
    if (count == 0) return;
    char* to = const_cast<char*>(k.from) + k.begin;
    note_access(to, count, Observer::Access::write, c.pc);
    copy_unseen(to, from + k.begin, count);
  });
}

}  // namespace

HopperBlock& hopper_block(unsigned rank) {
  static const bool hooked = [] {
    at_block_begin([] {
      for (unsigned r = 0; r < kClusterBlocks; r++) known_block(r).reset();
    });
    at_thread_end(check_thread_end);
    return true;
  }();
  (void)hooked;
  if (!known_block(rank)) known_block(rank) = std::make_unique<HopperBlock>(rank);
  return *known_block(rank);
}

void release(const void* object) {
  if (observer()) observer()->release(object, current_thread());
}
void acquire(const void* object) {
  if (observer()) observer()->acquire(object, current_thread());
}

AsyncView::AsyncView(unsigned rank)
    : data_(dynamic_shared(rank)), seen_(kDynamicLimit), in_flight_(kDynamicLimit / 16) {
  fill_unseen(seen_.data(), seen_.size(), options().poison);
}

std::size_t AsyncView::place_of(const void* p, std::size_t bytes, const char* what) {
  const SharedVariable& v = current_shared().back();
  const char* c = static_cast<const char*>(p);
  if (c < v.data || c + bytes > v.data + v.bytes) fail(std::string(what) + ": not within dynamic shared memory");
  return static_cast<std::size_t>(c - v.data);
}

void AsyncView::fence() { copy_unseen(seen_.data(), data_, current_shared().back().bytes); }

void AsyncView::launch(std::size_t at, std::size_t bytes) {
  for (std::size_t i = at; i < at + bytes; i += 16) {
    if (in_flight_[i / 16]) fail("tensor load: another load to the same place is still on its way");
    in_flight_[i / 16] = true;
  }
  fill_unseen(data_ + at, bytes, options().poison);
  fill_unseen(seen_.data() + at, bytes, options().poison);
}

void AsyncView::land(std::size_t at, const char (&chunk)[16]) {
  in_flight_[at / 16] = false;
  copy_unseen(data_ + at, chunk, 16);
  copy_unseen(seen_.data() + at, chunk, 16);
}

const char* AsyncView::read(std::size_t at, const char* what) const {
  if (at % 16 || at + 16 > current_shared().back().bytes) fail(std::string(what) + ": reads beyond shared memory");
  if (in_flight_[at / 16]) fail(std::string(what) + ": reads what a load has yet to bring");
  if (std::memcmp(seen_.data() + at, data_ + at, 16) != 0)
    fail(std::string(what) + ": reads what ordinary stores wrote, without fence_async() and a barrier before");
  return data_ + at;
}

void wait_for_stores(int open, const Site& s) {
  if (ignored(s)) return;
  StoreQueue& q = hopper_block().stores[current_thread()];
  while (!q.stores.empty() && q.stores.front().group < q.groups - open) {
    perform(q.stores.front());
    q.stores.erase(q.stores.begin());
  }
}

}  // namespace simt

namespace sumi {

using simt::hopper_block;

void init_barrier(Mbarrier* b, unsigned count) {
  if (!simt::in_shared(b, sizeof *b) || !simt::aligned(b, 8))
    simt::fail("mbarrier: not in shared memory, or misaligned");
  simt::note_access(b, sizeof *b, simt::Observer::Access::write, __builtin_return_address(0));
  simt::BarrierState& s = hopper_block().barriers[b];
  s = {};
  s.count = s.pending = count, s.owner = simt::current_thread();
}
void fence_barriers(const std::source_location& here) {
  if (simt::ignored(simt::site_of(here))) return;
  for (auto& [b, s] : hopper_block().barriers) s.fenced = s.fenced || s.owner == simt::current_thread();
}
void arrive(Mbarrier* b) { simt::arrive_at(simt::cluster_rank(), b, 0, __builtin_return_address(0)); }
void arrive_expecting(Mbarrier* b, unsigned bytes) {
  simt::arrive_at(simt::cluster_rank(), b, bytes, __builtin_return_address(0));
}
void arrive_at_block(Mbarrier* b, unsigned rank) {
  simt::arrive_at(rank, simt::place_in(rank, b), 0, __builtin_return_address(0));
}

void wait_for_phase(Mbarrier* b, unsigned parity, const std::source_location& here) {
  const simt::Site site = simt::site_of(here);
  simt::BarrierState& s = simt::state_of(simt::cluster_rank(), b, __builtin_return_address(0));
  if (simt::ignored(site)) return;
  const std::pair<const simt::BarrierState*, unsigned> wanted{&s, parity};
  simt::wait_until(
      [](const void* p) {
        const auto& [state, phase] = *static_cast<const std::pair<const simt::BarrierState*, unsigned>*>(p);
        return state->phase % 2 != phase || state->over();
      },
      &wanted, site);
  if (s.phase % 2 == parity) {
    simt::acquire(simt::phase_of(b, parity));
    for (const simt::TensorCopy& c : s.loads) simt::deliver(c);
    simt::release(simt::phase_of(b, parity));
    simt::begin_phase(s);
  }
  simt::acquire(simt::phase_of(b, parity));
}
void wait_for_cluster(const std::source_location& here) { simt::cluster_barrier(simt::site_of(here)); }

void fence_async(const std::source_location& here) {
  if (!simt::ignored(simt::site_of(here))) hopper_block().memory.fence();
}

void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1) {
  simt::begin_load(dst, simt::TensorBox::of(map, {c0, c1}, false), b, __builtin_return_address(0));
}
void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2) {
  simt::begin_load(dst, simt::TensorBox::of(map, {c0, c1, c2}, false), b, __builtin_return_address(0));
}
void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2, int c3) {
  simt::begin_load(dst, simt::TensorBox::of(map, {c0, c1, c2, c3}, false), b, __builtin_return_address(0));
}

void load_box_to_blocks(unsigned blocks, void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2) {
  const simt::TensorBox box = simt::TensorBox::of(map, {c0, c1, c2}, false);
  if (blocks == 0 || blocks >> simt::cluster_blocks()) simt::fail("tensor load: to blocks that the cluster has not");
  for (unsigned r = 0; r < simt::cluster_blocks(); r++)
    if (blocks >> r & 1) simt::begin_load_to(r, dst, box, b, __builtin_return_address(0));
}

void load_pixels(void* dst, const CUtensorMap* map, Mbarrier* b, int c, int w, int h, int n, unsigned offset_w,
                 unsigned offset_h) {
  simt::TensorBox box = simt::TensorBox::of(map, {c, w, h, n}, true);
  if (offset_w > 255 || offset_h > 255) simt::fail("tensor load: offsets are at most 255");
  box.offset[0] = offset_w, box.offset[1] = offset_h;
  simt::begin_load(dst, box, b, __builtin_return_address(0));
}

void store_box(const CUtensorMap* map, const void* src, int c0, int c1) {
  simt::TensorBox box = simt::TensorBox::of(map, {c0, c1}, false);
  const std::size_t at = simt::AsyncView::place_of(src, box.map.bytes(), "tensor store");
  const int span = span_of(box.map.swizzle);
  if (at % (span ? 8 * static_cast<std::size_t>(span) : 128)) simt::fail("tensor store: the source is misaligned");
  box.visit([&](const simt::BoxChunk& k) { hopper_block().memory.read(at + box.swizzled(k.offset), "tensor store"); });
  simt::StoreQueue& q = hopper_block().stores[simt::current_thread()];
  q.stores.push_back({std::move(box), at, __builtin_return_address(0), q.groups});
}
void commit_stores() { hopper_block().stores[simt::current_thread()].groups++; }

void sync_some(unsigned id, unsigned threads, const std::source_location& here) {
  const simt::Site site = simt::site_of(here);
  if (simt::ignored(site)) return;
  if (id < 1 || id > 15 || threads == 0 || threads % 32) simt::fail("bar.sync: expected barrier 1 to 15, whole warps");
  simt::NamedBarrier& b = hopper_block().named[id];
  if (b.arrived > 0 && b.threads != threads) simt::fail("bar.sync: threads disagree on how many they are");
  b.threads = threads;
  simt::release(&b);
  const std::pair<const simt::NamedBarrier*, unsigned> mine{&b, b.passed};
  if (++b.arrived == threads) b.arrived = 0, b.passed++;
  simt::wait_until(
      [](const void* p) {
        const auto& [barrier, passed] = *static_cast<const std::pair<const simt::NamedBarrier*, unsigned>*>(p);
        return barrier->passed != passed;
      },
      &mine, site);
  simt::acquire(&b);
}

}  // namespace sumi
