// Wrong command lines.
#pragma once
#include <string>
#include <vector>

#include "kernels/core/error.h"

namespace CLI {
class App;
}

namespace sumi {

/// Thrown for a command line that cannot be meant; the program exits with 2.
struct UsageError : Error {
  using Error::Error;
};

template <class... Parts>
void check_usage(bool ok, const Parts&... parts) {
  if (!ok) throw UsageError(concat(parts...));
}

/// Looks for an unknown subcommand or option before the arguments are parsed, and throws UsageError with the nearest
/// known one: CLI11 would only say that an argument was not expected.
void check_arguments(const CLI::App& program, const std::vector<std::string>& arguments);

/// After CLI11 refused the arguments: throws UsageError with the option that was given more often than it may be, where
/// that is why.
void check_repetition(const CLI::App& program);

}  // namespace sumi
