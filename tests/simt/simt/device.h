// CUDA C++ for a plain C++ compiler: the keywords, launch(), and the intrinsics that need no PTX. Stands in for
// kernels/device/nvcc.h.
#pragma once
#include <simt/machine.h>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __launch_bounds__
#undef __forceinline__
#undef __noinline__
#undef __grid_constant__
#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __grid_constant__

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <source_location>
#include <tuple>

#include "kernels/core/error.h"
#include "kernels/device/launch.h"

#define SIMT_SITE (::simt::site_of(std::source_location::current()))

namespace sumi {

/// Checks what the driver checks, and enqueues.
template <class... P, class... A>
void launch(void (*kernel)(P...), const Launch& l, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes all its arguments");
  const simt::Grid g{l.grid, l.block, l.smem, l.cluster};
  const std::size_t threads = std::size_t{l.block.x} * l.block.y * l.block.z;
  check(threads > 0 && threads <= 1024 && l.block.z <= 64, "cuda: invalid block of ", threads, " threads");
  check(
      l.grid.x > 0 && l.grid.x <= 0x7fffffff && l.grid.y > 0 && l.grid.y <= 65535 && l.grid.z > 0 && l.grid.z <= 65535,
      "cuda: invalid grid ", l.grid.x, 'x', l.grid.y, 'x', l.grid.z);
  const std::size_t most = simt::options().shared_per_block;
  check(l.smem <= most, "cuda: ", l.smem, " bytes of shared memory, at most ", most, " fit");
  if (l.cluster != 1) simt::check_cluster(reinterpret_cast<const void*>(kernel), g);
  simt::enqueue(l.stream, [kernel, g, values = std::tuple<P...>(static_cast<P>(args)...)] {
    simt::run_grid(reinterpret_cast<const void*>(kernel), g, [&] { std::apply(kernel, values); });
  });
}

template <class T>
T* dyn_smem() {
  return reinterpret_cast<T*>(simt::dynamic_shared());
}

}  // namespace sumi

namespace simt {

enum class Shuffle : std::uint8_t { index, up, down, exclusive_or };
template <class T>
struct ShuffleIn {
  T value;
  int argument, width;
  Shuffle kind;
  int source(int lane) const {
    const int low = lane / width * width;
    switch (kind) {
      case Shuffle::index:
        return low + (argument & (width - 1));
      case Shuffle::up:
        return lane - argument < low ? lane : lane - argument;
      case Shuffle::down:
        return lane + argument >= low + width ? lane : lane + argument;
      case Shuffle::exclusive_or:
        return (lane ^ argument) >= low + width ? lane : lane ^ argument;
    }
    return lane;
  }
};

/// A source lane outside the mask leaves the poison pattern: undefined in CUDA.
template <class T>
void run_shuffle(Collective& c) {
  if (observer()) observer()->count("shuffles", c.site, 1);
  for (int l = 0; l < 32; l++) {
    if (!(c.arrived >> l & 1)) continue;
    const int from = static_cast<const ShuffleIn<T>*>(c.in[l])->source(l);
    if (c.arrived >> from & 1) *static_cast<T*>(c.out[l]) = static_cast<const ShuffleIn<T>*>(c.in[from])->value;
  }
}

template <class T>
T shuffle(unsigned mask, T value, int argument, int width, Shuffle kind, const Site& s) {
  return collective<T>(mask, s, ShuffleIn<T>{value, argument, width, kind}, run_shuffle<T>);
}

inline void run_ballot(Collective& c) {
  unsigned bits = 0;
  for (int l = 0; l < 32; l++)
    if (c.arrived >> l & 1) bits |= static_cast<unsigned>(*static_cast<const int*>(c.in[l]) != 0) << l;
  for (int l = 0; l < 32; l++)
    if (c.arrived >> l & 1) *static_cast<unsigned*>(c.out[l]) = bits;
}

template <class T, class F>
[[gnu::noinline]] T atomic(T* p, F f) {  // returns to the kernel's line
  note_access(p, sizeof(T), Observer::Access::atomic, __builtin_return_address(0));
  T old, next;
  copy_unseen(&old, p, sizeof(T));
  next = f(old);
  copy_unseen(p, &next, sizeof(T));
  return old;
}

}  // namespace simt

#define SIMT_HERE const std::source_location& here = std::source_location::current()

#define __syncthreads() ((void)::simt::block_barrier(SIMT_SITE))
#define __syncthreads_count(p) ::simt::block_barrier(SIMT_SITE, (p))
#define __syncthreads_or(p) (::simt::block_barrier(SIMT_SITE, (p)) != 0)
#define __syncwarp(...) ::simt::sync_warp(SIMT_SITE __VA_OPT__(, ) __VA_ARGS__)

namespace simt {
inline void sync_warp(const Site& s, unsigned mask = 0xffffffffu) {
  if (ignored(s)) return;
  collective<int>(
      mask, s, 0, [](Collective&) {}, true);
}
}  // namespace simt

template <class T>
T __shfl_sync(unsigned mask, T v, int lane, int width = 32, SIMT_HERE) {
  return simt::shuffle(mask, v, lane, width, simt::Shuffle::index, simt::site_of(here));
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, SIMT_HERE) {
  return simt::shuffle(mask, v, static_cast<int>(delta), width, simt::Shuffle::up, simt::site_of(here));
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, SIMT_HERE) {
  return simt::shuffle(mask, v, static_cast<int>(delta), width, simt::Shuffle::down, simt::site_of(here));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32, SIMT_HERE) {
  return simt::shuffle(mask, v, bits, width, simt::Shuffle::exclusive_or, simt::site_of(here));
}
inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_HERE) {
  return simt::collective<unsigned>(mask, simt::site_of(here), predicate, simt::run_ballot);
}
inline int __any_sync(unsigned mask, int predicate, SIMT_HERE) { return __ballot_sync(mask, predicate, here) != 0; }
inline int __all_sync(unsigned mask, int predicate, SIMT_HERE) { return __ballot_sync(mask, !predicate, here) == 0; }

inline void __threadfence() {}
inline void __threadfence_block() {}
template <class T>
[[gnu::always_inline]] inline T atomicAdd(T* p, std::type_identity_t<T> v) {
  return simt::atomic(p, [=](T old) { return static_cast<T>(old + v); });
}
template <class T>
[[gnu::always_inline]] inline T atomicMax(T* p, std::type_identity_t<T> v) {
  return simt::atomic(p, [=](T old) { return old > v ? old : v; });
}
template <class T>
[[gnu::always_inline]] inline T atomicCAS(T* p, std::type_identity_t<T> expected, std::type_identity_t<T> v) {
  return simt::atomic(p, [=](T old) { return old == expected ? v : old; });
}

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}
inline unsigned __float_as_uint(float f) { return std::bit_cast<unsigned>(f); }
inline float __uint_as_float(unsigned u) { return std::bit_cast<float>(u); }
