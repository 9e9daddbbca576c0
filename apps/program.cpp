#include "apps/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <new>

#include "apps/interrupt.h"
#include "apps/usage.h"

namespace sumi {
namespace {

int complain(const std::string& message, int code) {
  std::fflush(stdout);
  std::cerr << "sumi: " << message << std::endl;
  return code;
}

/// CLI11's texts begin with a capital or the option's name, and may end in a newline.
std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

int parse_and_run(int argc, char** argv) {
  CLI::App program{"Sumi paints: it turns photos into pictures of another style, and trains the networks that do.",
                   "sumi"};
  program.footer(
      "On a machine with other work to do, OMP_WAIT_POLICY=passive before the command keeps threads from spinning.");
  program.set_version_flag("--version", "sumi " SUMI_VERSION);
  program.require_subcommand(1);
  const std::pair<const char*, Command> commands[] = {{"stylize", add_stylize(program)},
                                                      {"train", add_train(program)},
                                                      {"bench", add_bench(program)},
                                                      {"info", add_info(program)}};
  if (argc < 2) {
    std::cout << program.help();
    return kUsage;
  }
  if (argc == 2 && std::string_view(argv[1]) == "help") {
    std::cout << program.help();
    return kDone;
  }
  check_arguments(program, {argv + 1, argv + argc});
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return program.exit(e);
  } catch (const CLI::ParseError& e) {
    check_repetition(program);
    return complain(one_line(e.what()) + "\n      'sumi --help' and 'sumi COMMAND --help' explain the options", kUsage);
  }
  for (const auto& [name, run] : commands)
    if (program.got_subcommand(name)) return run();
  return kUsage;
}

}  // namespace

int run_program(int argc, char** argv) {
  catch_interrupts();
  try {
    const int code = parse_and_run(argc, argv);
    std::cout.flush();
    return std::cout ? code : complain("standard output: cannot be written", kFailed);
  } catch (const Interrupted&) {
    return complain("interrupted", kInterruptedExit);
  } catch (const UsageError& e) {
    return complain(e.what(), kUsage);
  } catch (const OutOfMemory& e) {
    return complain(concat(e.what(), "; smaller pictures (--size) need less"), kFailed);
  } catch (const Error& e) {
    return complain(e.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return complain("out of memory; smaller pictures (--size) need less", kFailed);
  } catch (const std::exception& e) {
    return complain(concat("internal error: ", e.what()), kFailed);
  }
}

}  // namespace sumi
