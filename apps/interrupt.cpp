#include "apps/interrupt.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>

namespace sumi {
namespace {

// A signal handler can only reach statics.
volatile std::sig_atomic_t seen = 0, at_once = 0;

void on_signal(int) {
  if (seen || at_once) {
    constexpr char text[] = "\nsumi: interrupted\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
    ::_exit(kInterruptedExit);
  }
  seen = 1;
}

/// oneDNN 2.6's generated code keeps values below the stack pointer: a handler's frame on the same stack would
/// overwrite them, and the next store goes anywhere. The system hands signals to the main thread, which gets this one.
alignas(64) std::array<std::byte, std::size_t{64} << 10> handler_stack;

}  // namespace

void catch_interrupts() {
  const stack_t stack{.ss_sp = handler_stack.data(), .ss_flags = 0, .ss_size = handler_stack.size()};
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() noexcept { return seen != 0; }

void check_interrupt() {
  if (interrupted()) throw Interrupted{};
}

InterruptEndsProgram::InterruptEndsProgram() {
  at_once = 1;
  check_interrupt();
}
InterruptEndsProgram::~InterruptEndsProgram() { at_once = 0; }

}  // namespace sumi
