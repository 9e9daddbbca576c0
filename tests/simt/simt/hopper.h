// kernels/device/hopper.h, emulated. Everything asynchronous happens at the latest moment that the PTX ISA allows: a
// load's bytes appear when a wait for its barrier's phase succeeds (until then its destination holds poison), a store
// reads its source at the wait that orders it. A load to several blocks appears in each by that block's own barrier.
//
// The asynchronous proxy has its own view of dynamic shared memory, which fence_async() brings up to date: a store or a
// product that meets bytes that ordinary stores have changed since is an error.
#pragma once
#include <simt/intrin.h>

namespace sumi {

inline constexpr bool kHopperCode = true;

namespace intrin {
/// Where dynamic shared memory starts: what stands before it belongs to the system. In a cluster, a block's rank stands
/// above.
inline constexpr unsigned kSharedBase = 1024, kRankShift = 24;
inline unsigned shared_address(const void* p) {
  const auto at = static_cast<unsigned>(static_cast<const char*>(p) - simt::dynamic_shared()) + kSharedBase;
  return simt::cluster_rank() << kRankShift | at;
}
}  // namespace intrin

void init_barrier(Mbarrier* b, unsigned count);
void fence_barriers(SIMT_HERE);
void arrive(Mbarrier* b);
void arrive_expecting(Mbarrier* b, unsigned bytes);
void arrive_at_block(Mbarrier* b, unsigned rank);
void wait_for_phase(Mbarrier* b, unsigned parity, SIMT_HERE);
void wait_for_cluster(SIMT_HERE);
void fence_async(SIMT_HERE);

void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1);
void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2);
void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2, int c3);
void load_box_to_blocks(unsigned blocks, void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2);
void load_pixels(void* dst, const CUtensorMap* map, Mbarrier* b, int c, int w, int h, int n, unsigned offset_w,
                 unsigned offset_h);

void store_box(const CUtensorMap* map, const void* src, int c0, int c1);
void commit_stores();
template <int Open>
void wait_for_stores(SIMT_HERE);

inline void prefetch_map(const CUtensorMap*) {}
void sync_some(unsigned id, unsigned threads, SIMT_HERE);

template <int Count>
void give_registers() {
  static_assert(Count % 8 == 0 && Count >= 24 && Count <= 256);
}
template <int Count>
void take_registers() {
  static_assert(Count % 8 == 0 && Count >= 24 && Count <= 256);
}

}  // namespace sumi

namespace simt {
void wait_for_stores(int open, const Site& s);
}  // namespace simt

template <int Open>
void sumi::wait_for_stores(const std::source_location& here) {
  simt::wait_for_stores(Open, simt::site_of(here));
}
