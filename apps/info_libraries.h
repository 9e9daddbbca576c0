// Versions of the libraries behind this build.
#pragma once
#include <string>

namespace sumi {

/// "" where the build has none.
std::string onednn_version();
std::string highway_version();

}  // namespace sumi
