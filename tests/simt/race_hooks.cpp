// The kernels are compiled with -fsanitize=thread but not linked with its library: the compiler calls these functions
// at every load and store, and they tell the observer.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/simt/race_checker.h"

namespace {

using simt::Observer;

[[gnu::always_inline]] inline void note(const void* p, std::size_t bytes, Observer::Access kind, const void* pc) {
  if (simt::race::watched().holds(p)) simt::note_access(p, bytes, kind, pc);
}

/// Host code that follows a device pointer. Nothing can be thrown from here.
[[noreturn]] void host_access(const void* pc) {
  std::fprintf(stderr, "host code uses device memory at %s\n",
               simt::race::source_of(simt::race::program_counter(pc)).c_str());
  std::abort();
}

/// A load or store of this width wants this alignment on a GPU.
void note_aligned(const void* p, std::size_t bytes, Observer::Access kind, const void* pc) {
  if (!simt::race::watched().holds(p)) return;
  if (!simt::in_kernel()) {  // between a kernel's shared variables there may be others, the host's
    if (simt::arena().contains(p)) host_access(pc);
    return;
  }
  if (reinterpret_cast<std::uintptr_t>(p) % bytes)
    simt::fail("misaligned access of " + std::to_string(bytes) + " bytes at " +
               simt::race::source_of(simt::race::program_counter(pc)));
  simt::note_access(p, bytes, kind, pc);
}

}  // namespace

// NOLINTBEGIN: the compiler's names
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void** p, void* v) { *p = v; }
void __tsan_vptr_read(void**) {}

void __tsan_read1(void* p) { note(p, 1, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_read2(void* p) { note_aligned(p, 2, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_read4(void* p) { note_aligned(p, 4, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_read8(void* p) { note_aligned(p, 8, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_read16(void* p) { note_aligned(p, 16, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_write1(void* p) { note(p, 1, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_write2(void* p) { note_aligned(p, 2, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_write4(void* p) { note_aligned(p, 4, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_write8(void* p) { note_aligned(p, 8, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_write16(void* p) { note_aligned(p, 16, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_unaligned_read2(void* p) { note(p, 2, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_unaligned_read4(void* p) { note(p, 4, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_unaligned_read8(void* p) { note(p, 8, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_unaligned_read16(void* p) { note(p, 16, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_unaligned_write2(void* p) { note(p, 2, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_unaligned_write4(void* p) { note(p, 4, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_unaligned_write8(void* p) { note(p, 8, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_unaligned_write16(void* p) { note(p, 16, Observer::Access::write, __builtin_return_address(0)); }
void __tsan_read_range(void* p, std::size_t n) { note(p, n, Observer::Access::read, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t n) { note(p, n, Observer::Access::write, __builtin_return_address(0)); }

// Function-local statics of the host's code, and reference counts; no kernel has either.
char __tsan_atomic8_load(const volatile char* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
int __tsan_atomic32_load(const volatile int* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
void __tsan_atomic32_store(volatile int* p, int v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
int __tsan_atomic32_fetch_add(volatile int* p, int v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
int __tsan_atomic32_fetch_sub(volatile int* p, int v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); }
long __tsan_atomic64_load(const volatile long* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
long __tsan_atomic64_fetch_add(volatile long* p, long v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
long __tsan_atomic64_fetch_sub(volatile long* p, long v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); }

// The linker sends calls here (--wrap): what the compiler did not turn into loads and stores.
void* __real_memcpy(void*, const void*, std::size_t);
void* __real_memmove(void*, const void*, std::size_t);
void* __real_memset(void*, int, std::size_t);
void* __wrap_memcpy(void* to, const void* from, std::size_t n) {
  note(from, n, Observer::Access::read, __builtin_return_address(0));
  note(to, n, Observer::Access::write, __builtin_return_address(0));
  return __real_memcpy(to, from, n);
}
void* __wrap_memmove(void* to, const void* from, std::size_t n) {
  note(from, n, Observer::Access::read, __builtin_return_address(0));
  note(to, n, Observer::Access::write, __builtin_return_address(0));
  return __real_memmove(to, from, n);
}
void* __wrap_memset(void* p, int value, std::size_t n) {
  note(p, n, Observer::Access::write, __builtin_return_address(0));
  return __real_memset(p, value, n);
}
}
// NOLINTEND
