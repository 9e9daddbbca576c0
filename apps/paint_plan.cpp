#include "apps/paint_plan.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "apps/image.h"
#include "kernels/core/error.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& p) {
  std::error_code error;
  return fs::is_directory(p, error);
}

fs::path parent_of(const fs::path& p) { return p.has_parent_path() ? p.parent_path() : fs::path("."); }

/// The photo's name with an extension that can be written; the whole name + .png where that one is taken.
std::string name_in_folder(const std::string& folder, const std::string& input, std::set<std::string>& taken) {
  fs::path name = fs::path(input).filename();
  std::string extension = name.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  if (extension != ".png" && extension != ".jpg" && extension != ".jpeg") name.replace_extension(".png");
  if (!taken.insert(name.string()).second) name = fs::path(input).filename().string() + ".png";
  taken.insert(name.string());
  return (fs::path(folder) / name).string();
}

void make_folder(const std::string& folder) {
  const fs::path path = fs::path(folder).has_filename() ? fs::path(folder) : fs::path(folder).parent_path();
  check(is_folder(parent_of(path)), folder, ": the output folder does not exist, nor does the one it would stand in");
  std::error_code error;
  fs::create_directory(path, error);
  check(!error, folder, ": the output folder cannot be made: ", error.message());
  std::cerr << "sumi: made the folder " << folder << '\n';
}

void check_single_output(const std::string& output) {
  const fs::path path(output);
  check(path.has_filename(), output, ": the output folder does not exist");
  check_writable_extension(output);
  check(is_folder(parent_of(path)), output, ": the folder ", parent_of(path).string(), " does not exist");
}

}  // namespace

std::vector<std::string> pictures_in(const std::string& folder) {
  check(is_folder(folder), folder, ": no such folder");
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (has_image_extension(entry.path().string()) && !entry.is_directory()) files.push_back(entry.path().string());
  check(!error, folder, ": cannot be read: ", error.message());
  check(!files.empty(), folder, ": there is no picture in this folder");
  std::ranges::sort(files);
  return files;
}

std::vector<PaintTask> plan_paintings(const std::vector<std::string>& inputs, const std::string& output) {
  const bool several = inputs.size() > 1 || is_folder(inputs.front());
  std::vector<std::string> photos;
  for (const std::string& i : inputs) {
    const auto found = is_folder(i) ? pictures_in(i) : std::vector{i};
    photos.insert(photos.end(), found.begin(), found.end());
  }
  if (several && !is_folder(output)) {
    check(!has_image_extension(output), output, ": several photos need a folder to go into, not a file");
    make_folder(output);
  }
  if (!several && !is_folder(output)) check_single_output(output);
  std::vector<PaintTask> tasks;
  std::set<std::string> taken;
  for (const std::string& p : photos) {
    tasks.push_back({p, is_folder(output) ? name_in_folder(output, p, taken) : output});
    std::error_code error;
    check(!fs::equivalent(p, tasks.back().output, error), p, ": the output would overwrite this photo; choose another");
  }
  return tasks;
}

}  // namespace sumi
