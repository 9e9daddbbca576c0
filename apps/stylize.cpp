#include <CLI/CLI.hpp>

#include "apps/program.h"
#include "kernels/core/error.h"

namespace sumi {
Command add_stylize(CLI::App& program) {
  program.add_subcommand("stylize", "Paint photos");
  return [] { return kDone; };
}
Command add_train(CLI::App& program) {
  program.add_subcommand("train", "Train a network");
  return [] { return kDone; };
}
Command add_bench(CLI::App& program) {
  program.add_subcommand("bench", "Measure");
  return [] { return kDone; };
}
Command add_info(CLI::App& program) {
  program.add_subcommand("info", "What is here");
  return [] { return kDone; };
}
}  // namespace sumi
