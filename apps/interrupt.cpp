#include "apps/interrupt.h"

#include <unistd.h>

#include <csignal>

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

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
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
