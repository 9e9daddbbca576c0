#include "apps/models.h"

#include <filesystem>
#include <set>

#include "apps/suggest.h"
#include "kernels/core/environment.h"
#include "kernels/core/error.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;
constexpr const char* kExtension = ".safetensors";

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : program.parent_path();
}

}  // namespace

std::vector<std::string> model_folders() {
  std::vector<std::string> folders;
  if (const std::string own = environment("SUMI_MODELS"); !own.empty()) folders.emplace_back(own);
  const fs::path program = program_folder();
  for (const fs::path& p : {program / "../share/sumi/models", program / "../../models", fs::path("models")})
    folders.push_back(p.lexically_normal().string());
  return folders;
}

std::vector<std::string> bundled_models() {
  std::set<std::string> names;
  for (const std::string& folder : model_folders()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == kExtension) names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

std::string bundled_text() {
  std::string list;
  for (const auto& n : bundled_models()) list += (list.empty() ? "" : ", ") + n;
  return list;
}

std::string find_model(const std::string& name_or_file) {
  std::error_code error;
  const fs::path given(name_or_file);
  if (given.extension() == kExtension || given.has_parent_path()) {
    check(fs::exists(given, error), name_or_file, ": no such file");
    check(!fs::is_directory(given, error), name_or_file, ": is a folder, expected a .safetensors file");
    return name_or_file;
  }
  for (const std::string& folder : model_folders())
    if (const fs::path file = fs::path(folder) / (name_or_file + kExtension); fs::exists(file, error))
      return file.string();
  if (fs::is_regular_file(given, error)) return name_or_file;
  const auto names = bundled_models();
  const std::string list = bundled_text();
  fail("there is no model '", name_or_file, "'", did_you_mean(name_or_file, names), "\n      ",
       list.empty() ? "none is bundled here: give a .safetensors file, or set SUMI_MODELS to a folder of them"
                    : "bundled: " + list + "; or give a .safetensors file");
}

}  // namespace sumi
