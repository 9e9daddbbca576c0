// The one error type. Libraries throw it and never print or exit; the message names op, expected and got.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace sumi {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << parts);
  return s.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

/// check(x.C == w.C, "conv2d: x has ", x.C, " channels, w wants ", w.C): the text is built only on failure.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(parts...);
}

}  // namespace sumi
