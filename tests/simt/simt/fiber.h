// Fibers: stacks that are switched by hand. 20-60 million switches a second; ucontext makes a system call each.
#pragma once
#include <cstddef>

namespace simt {

/// A stack with a guard page below, and where it was left.
class Fiber {
 public:
  /// The scheduler's own: the stack of the calling thread.
  Fiber() = default;
  /// Starts in `entry`, which never returns.
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves this fiber, which must be the running one, and continues `to`.
  void switch_to(Fiber& to);
  /// First thing in `entry`, for the sanitizer; `from` is the fiber that switched here.
  static void entered(Fiber& from);

 private:
  void* stack_pointer_ = nullptr;
  char* stack_ = nullptr;
  std::size_t bytes_ = 0;
  bool owned_ = false;
  void* shadow_stack_ = nullptr;  // AddressSanitizer's
};

}  // namespace simt
