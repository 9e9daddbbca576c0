// Environment variables.
#pragma once
#include <cstdlib>
#include <string>

namespace sumi {

/// The variable's value; "" where it is not set.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace sumi
