#include "kernels/core/autotune.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernels/core/environment.h"
#include "kernels/core/error.h"

namespace sumi {
namespace {

std::filesystem::path cache_folder() {
  if (const std::string own = environment("SUMI_CACHE"); !own.empty()) return own;
  if (const std::string xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) return std::filesystem::path(xdg) / "sumi";
  if (const std::string home = environment("HOME"); !home.empty())
    return std::filesystem::path(home) / ".cache" / "sumi";
  return {};
}

/// Another driver or library may make another row the fastest.
std::string file_name(const DeviceInfo& d, std::string_view libraries) {
  std::string words = concat("autotune-", d.name, d.avx512 ? "-avx512" : d.avx2 ? "-avx2" : "");
  if (!d.driver.empty()) words += "-driver" + d.driver;
  if (!libraries.empty()) words += concat('-', libraries);
  for (char& c : words)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '_';
  return words + ".tsv";
}

}  // namespace

Autotuner::Autotuner(const DeviceInfo& device, std::string_view libraries) {
  const auto folder = cache_folder();
  if (folder.empty()) return;
  path_ = (folder / file_name(device, libraries)).string();
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line);)
    if (const auto tab = line.find('\t'); tab != line.npos) rows_[line.substr(0, tab)] = line.substr(tab + 1);
}

std::optional<std::string> Autotuner::find(const std::string& key) const {
  const auto it = rows_.find(key);
  return it == rows_.end() ? std::nullopt : std::optional(it->second);
}

void Autotuner::store(const std::string& key, const std::string& row) {
  rows_[key] = row;
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  std::ofstream(path_, std::ios::app) << key << '\t' << row << '\n';
}

}  // namespace sumi
