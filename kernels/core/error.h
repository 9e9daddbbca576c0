// The one error type. Libraries throw it and never print or exit; the message names op, expected and got.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace sumi {

/// What went wrong, as a sentence for the user: "conv2d: expected ..., got ...".
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The parts one after the other, as streams write them.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << parts);
  return s.str();
}

/// Throws Error of the parts.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

/// "12 MiB", below one "3 KiB", rounded up.
inline std::string size_text(std::size_t bytes) {
  constexpr std::size_t kKiB = 1024, kMiB = kKiB * kKiB;
  return bytes >= kMiB ? concat((bytes + kMiB - 1) / kMiB, " MiB") : concat((bytes + kKiB - 1) / kKiB, " KiB");
}

/// An error below an op, which adds its name on the way up, once.
class OpError : public Error {
 public:
  explicit OpError(const std::string& what) : Error(what), text_(what) {}
  const char* what() const noexcept override { return text_.c_str(); }
  void name(const std::string& op) {
    if (!named_) text_ = concat(op, ": ", text_);
    named_ = true;
  }

 private:
  std::string text_;
  bool named_ = false;
};

/// Memory is out. The message has what was asked for and what is free.
struct OutOfMemory : OpError {
  using OpError::OpError;
};

/// Something that a captured graph cannot do: wait for the GPU, or copy from or to host memory.
struct NotCapturable : OpError {
  using OpError::OpError;
};

/// Calls `work`; an OpError in it gets the name that name() makes.
template <class Name, class Work>
void named(Name&& name, Work&& work) {
  try {
    work();
  } catch (OpError& e) {
    e.name(name());
    throw;
  }
}

/// check(x.C == w.C, "conv2d: x has ", x.C, " channels, w wants ", w.C): the text is built only on failure.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(parts...);
}

}  // namespace sumi
