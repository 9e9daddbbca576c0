// What Hopper (sm_90a) adds: barriers in shared memory that count bytes, the tensor copy engine (TMA), named barriers,
// registers that move between warpgroups, clusters of blocks. Inline PTX, with the emulator's twin; products are in
// wgmma.h. Only kernels whose body stands in `if constexpr (kHopperCode)` may call these: other architectures have none
// of it.
//
// A copy or a product belongs to the asynchronous proxy: shared memory that ordinary stores have written is seen by it
// only after each writer's fence_async() and a barrier (PTX ISA, "Async proxy").
#pragma once
#include "kernels/device/intrin.h"
#include "kernels/device/tensor_map.h"

namespace sumi {

/// An mbarrier: a phase is over when `count` arrivals have come and as many bytes as they announced. Phases alternate
/// in parity, from 0 on.
struct alignas(8) Mbarrier {
  std::uint64_t opaque;
};

}  // namespace sumi

#if !defined(__CUDACC__)
#include <simt/hopper.h>
#else

namespace sumi {

/// Whether this pass of the compiler may meet the functions below: the host's, and that for sm_90a.
#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
inline constexpr bool kHopperCode = true;
#else
inline constexpr bool kHopperCode = false;
#endif

/// A barrier whose phases take `count` arrivals each. One thread makes it, before any other touches it.
__device__ __forceinline__ void init_barrier(Mbarrier* b, unsigned count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(intrin::shared_address(b)), "r"(count) : "memory");
}
/// After a thread's init_barrier calls: the copy engine knows them.
__device__ __forceinline__ void fence_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

/// One arrival in the present phase. What the thread did before is seen by whoever waits for the phase.
__device__ __forceinline__ void arrive(Mbarrier* b) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(intrin::shared_address(b)) : "memory");
}
/// Arrives, and lets the phase wait for `bytes` of copies too.
__device__ __forceinline__ void arrive_expecting(Mbarrier* b, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(intrin::shared_address(b)), "r"(bytes)
               : "memory");
}
/// Until the phase of this parity is over. On a new barrier the phase of parity 1 is.
__device__ __forceinline__ void wait_for_phase(Mbarrier* b, unsigned parity) {
  unsigned over;
  do {
    asm volatile(
        "{\n.reg .pred over;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 over, [%1], %2;\n"
        "selp.u32 %0, 1, 0, over;\n}"
        : "=r"(over)
        : "r"(intrin::shared_address(b)), "r"(parity)
        : "memory");
  } while (over == 0);
}

/// One arrival at the barrier that stands at the same place in the cluster's block `rank` (of those along x). Whoever
/// waits there may overwrite what the thread has read; stores of the thread are not made visible to that block, which
/// would take a fence of hundreds of cycles (.release.cluster).
__device__ __forceinline__ void arrive_at_block(Mbarrier* b, unsigned rank) {
  asm volatile(
      "{\n.reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(intrin::shared_address(b)),
      "r"(rank)
      : "memory");
}

/// Until all threads of the cluster's blocks are here (those that have ended count). What they did before is seen by
/// all. A block must not touch another one's shared memory before that one is known to have begun, nor end while
/// another still may.
__device__ __forceinline__ void wait_for_cluster() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

/// The thread's stores to shared memory so far come before copies and products that are started after a barrier.
__device__ __forceinline__ void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Begins to copy the map's box at these coordinates (dimension 0 first; elements outside the tensor are zeros) to
/// shared memory; its bytes count on `b`. One thread calls. dst: a multiple of 128 bytes; of 8 spans when swizzled.
__device__ __forceinline__ void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::
          "r"(intrin::shared_address(dst)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(intrin::shared_address(b)), "r"(c0), "r"(c1)
      : "memory");
}
__device__ __forceinline__ void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], "
      "[%2];" ::"r"(intrin::shared_address(dst)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(intrin::shared_address(b)), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
__device__ __forceinline__ void load_box(void* dst, const CUtensorMap* map, Mbarrier* b, int c0, int c1, int c2,
                                         int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2];" ::"r"(intrin::shared_address(dst)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(intrin::shared_address(b)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}

/// The same box to the same place in several blocks of the cluster, bit i of `blocks` for the one of rank i; in each
/// its bytes count on the barrier at the place of `b`.
__device__ __forceinline__ void load_box_to_blocks(unsigned blocks, void* dst, const CUtensorMap* map, Mbarrier* b,
                                                   int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], "
      "[%1, {%3, %4, %5}], [%2], %6;" ::"r"(intrin::shared_address(dst)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(intrin::shared_address(b)), "r"(c0), "r"(c1), "r"(c2),
      "h"(static_cast<std::uint16_t>(blocks))
      : "memory");
}

/// Begins to copy a column of pixels, channels c and on, from pixel (n, h, w) of the window on, each moved by the
/// offsets (PTX ISA, "im2col mode"; at most 255).
__device__ __forceinline__ void load_pixels(void* dst, const CUtensorMap* map, Mbarrier* b, int c, int w, int h, int n,
                                            unsigned offset_w, unsigned offset_h) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2], {%7, %8};" ::"r"(intrin::shared_address(dst)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(intrin::shared_address(b)), "r"(c), "r"(w), "r"(h), "r"(n),
      "h"(static_cast<std::uint16_t>(offset_w)), "h"(static_cast<std::uint16_t>(offset_h))
      : "memory");
}

/// Begins to copy a box from shared memory to the tensor; what lies outside the tensor is not written.
__device__ __forceinline__ void store_box(const CUtensorMap* map, const void* src, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(
                   reinterpret_cast<std::uint64_t>(map)),
               "r"(intrin::shared_address(src)), "r"(c0), "r"(c1)
               : "memory");
}
/// Closes a group of the thread's stores.
__device__ __forceinline__ void commit_stores() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
/// Until all but the thread's latest Open groups have read their shared memory. Needed before the thread ends.
template <int Open>
__device__ __forceinline__ void wait_for_stores() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(Open) : "memory");
}

/// Fetches a tensor map ahead of its first use.
__device__ __forceinline__ void prefetch_map(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(reinterpret_cast<std::uint64_t>(map)) : "memory");
}

/// Barrier number `id` (1 to 15) of the block, for `threads` of its threads (whole warps).
__device__ __forceinline__ void sync_some(unsigned id, unsigned threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// The calling warpgroup keeps Count registers a thread (a multiple of 8, 24 to 256): gives back what it has more, or
/// waits for what it lacks. The kernel needs __launch_bounds__ with a minimum of blocks.
template <int Count>
__device__ __forceinline__ void give_registers() {
  static_assert(Count % 8 == 0 && Count >= 24 && Count <= 256);
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
}
template <int Count>
__device__ __forceinline__ void take_registers() {
  static_assert(Count % 8 == 0 && Count >= 24 && Count <= 256);
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
}

}  // namespace sumi
#endif
