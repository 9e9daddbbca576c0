// What an error says.
#pragma once
#include <string>

#include "kernels/core/error.h"

namespace sumi::test {

/// The message of the E that `work` throws; "" when it throws nothing.
template <class E = Error, class Work>
std::string message_of(Work&& work) {
  try {
    work();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

}  // namespace sumi::test
