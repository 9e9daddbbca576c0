// Remembers which row was fastest for which dims, across runs of the program.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/core/device.h"

namespace sumi {

/// A text file `key<TAB>row` per device, driver and versions of a GPU's libraries, in $SUMI_CACHE, else
/// $XDG_CACHE_HOME/sumi, else ~/.cache/sumi. A file that cannot be read or written costs only the remembering: never an
/// error.
class Autotuner {
 public:
  /// `libraries`: their versions in any words that are good for a file's name.
  explicit Autotuner(const DeviceInfo& device, std::string_view libraries = "");
  std::optional<std::string> find(const std::string& key) const;
  void store(const std::string& key, const std::string& row);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::map<std::string, std::string> rows_;
};

}  // namespace sumi
