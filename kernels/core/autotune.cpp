#include "kernels/core/autotune.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sumi {
namespace {

std::filesystem::path cache_folder() {
  if (const char* own = std::getenv("SUMI_CACHE"); own && *own) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return std::filesystem::path(xdg) / "sumi";
  if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache" / "sumi";
  return {};
}

std::string file_name(const DeviceInfo& d) {
  std::string name = "autotune-";
  for (const char c : d.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name + (d.avx512 ? "-avx512" : d.avx2 ? "-avx2" : "") + ".tsv";
}

}  // namespace

Autotuner::Autotuner(const DeviceInfo& device) {
  const auto folder = cache_folder();
  if (folder.empty()) return;
  path_ = (folder / file_name(device)).string();
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
