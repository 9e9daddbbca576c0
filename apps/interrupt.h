// Ctrl-C: noticed between steps, so that nothing is left half done.
#pragma once

namespace sumi {

inline constexpr int kInterruptedExit = 130;

/// Thrown by check_interrupt(); main turns it into exit code 130.
struct Interrupted {};

/// From now on the first SIGINT or SIGTERM is remembered; the second ends the program at once.
void catch_interrupts();
bool interrupted() noexcept;
/// Throws Interrupted when a signal has come.
void check_interrupt();

/// While one of these lives, the first signal already ends the program (exit code 130): for long computations that
/// have no file open and nothing to save.
class InterruptEndsProgram {
 public:
  InterruptEndsProgram();
  InterruptEndsProgram(const InterruptEndsProgram&) = delete;
  InterruptEndsProgram& operator=(const InterruptEndsProgram&) = delete;
  ~InterruptEndsProgram();
};

}  // namespace sumi
