#include "tests/simt/simt/fiber.h"

#include <sys/mman.h>

#include <new>

#include <sanitizer/asan_interface.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
/// A launch that fails leaves its threads where they stand: what their frames own is never given back.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }  // NOLINT
#endif

#if !defined(__x86_64__)
#error "the emulator switches stacks by x86-64 instructions"
#endif

// Saves the six callee-saved registers on the running stack, and restores them from the other.
extern "C" void simt_switch_stacks(void** save, void* load);
asm(R"(
.text
.type simt_switch_stacks,@function
simt_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch_stacks,.-simt_switch_stacks
)");

namespace simt {
namespace {

constexpr std::size_t kGuard = 4096, kStack = 256 << 10;  // pages that are never touched cost nothing

}  // namespace

Fiber::Fiber(void (*entry)()) : bytes_(kStack), owned_(true) {
  void* block =
      mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  mprotect(block, kGuard, PROT_NONE);  // an overflow faults instead of corrupting a neighbour
  stack_ = static_cast<char*>(block) + kGuard;
  void** top = reinterpret_cast<void**>(stack_ + kStack) - 3;  // entry finds rsp = 8 mod 16, as after a call
  *--top = reinterpret_cast<void*>(entry);
  stack_pointer_ = top - 6;
}

Fiber::~Fiber() {
  if (!owned_) return;
  ASAN_UNPOISON_MEMORY_REGION(stack_, kStack);  // frames that were left are not the next owner's
  munmap(stack_ - kGuard, kGuard + kStack);
}

void Fiber::switch_to(Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&shadow_stack_, to.stack_, to.bytes_);
#endif
  simt_switch_stacks(&stack_pointer_, to.stack_pointer_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(shadow_stack_, nullptr, nullptr);
#endif
}

void Fiber::entered([[maybe_unused]] Fiber& from) {
#if defined(__SANITIZE_ADDRESS__)
  const void* stack = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(nullptr, &stack, &bytes);
  if (!from.stack_) {  // the scheduler's stack is known only now
    from.stack_ = static_cast<char*>(const_cast<void*>(stack));
    from.bytes_ = bytes;
  }
#endif
}

}  // namespace simt
