// The `sumi` program: subcommands, errors, exit codes.
#pragma once
#include <functional>

namespace CLI {
class App;
}

namespace sumi {

/// Exit codes: 0 done, 1 some of the work failed, 2 wrong usage, 130 interrupted.
inline constexpr int kDone = 0, kFailed = 1, kUsage = 2;

/// What a subcommand does once its options are read; returns the exit code. Throws Error or Interrupted.
using Command = std::function<int()>;

/// Each adds one subcommand with its options to the program.
Command add_stylize(CLI::App& program);
Command add_train(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_info(CLI::App& program);

int run_program(int argc, char** argv);

}  // namespace sumi
