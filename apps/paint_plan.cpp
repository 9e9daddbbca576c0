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

/// The photo's name with an extension that can be written; photos of one name from several folders are numbered:
/// x.png, x-2.png, x-3.png.
std::string name_in_folder(const std::string& folder, const std::string& input, std::set<std::string>& taken) {
  const fs::path own = fs::path(input).filename();
  std::string extension = own.extension().string(), lower = extension;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower != ".png" && lower != ".jpg" && lower != ".jpeg") extension = ".png";
  std::string name = own.stem().string() + extension;
  for (int number = 2; !taken.insert(name).second; number++) name = concat(own.stem().string(), '-', number, extension);
  return (fs::path(folder) / name).string();
}

void check_folder_can_be_made(const std::string& folder) {
  check(!has_image_extension(folder), folder, ": several photos need a folder to go into, not a file");
  const fs::path path = fs::path(folder).has_filename() ? fs::path(folder) : fs::path(folder).parent_path();
  check(is_folder(parent_of(path)), folder, ": the output folder does not exist, nor does the one it would stand in");
}

void check_single_output(const std::string& output) {
  const fs::path path(output);
  check(path.has_filename(), output, ": the output folder does not exist");
  check_writable_extension(output);
  check(is_folder(parent_of(path)), output, ": the folder ", parent_of(path).string(), " does not exist");
}

/// An output may be another task's photo.
void check_photos_stay(const std::vector<PaintTask>& tasks) {
  std::error_code error;
  std::set<fs::path> photos;
  for (const PaintTask& t : tasks) photos.insert(fs::weakly_canonical(t.input, error));
  for (const PaintTask& t : tasks)
    check(!photos.contains(fs::weakly_canonical(t.output, error)), t.output,
          ": the output would overwrite this photo; choose another");
}

}  // namespace

std::vector<std::string> pictures_in(const std::string& folder) {
  std::error_code error;
  check(is_folder(folder), folder, fs::exists(folder, error) ? ": is a file, expected a folder" : ": no such folder");
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (has_image_extension(entry.path().string()) && !entry.is_directory()) files.push_back(entry.path().string());
  check(!error, folder, ": cannot be read: ", error.message());
  check(!files.empty(), folder, ": there is no picture in this folder");
  std::ranges::sort(files);
  return files;
}

void make_output_folder(const std::vector<PaintTask>& tasks) {
  const fs::path folder = parent_of(tasks.front().output);
  std::error_code error;
  if (!fs::create_directory(folder, error) && !error) return;
  check(!error, folder.string(), ": the output folder cannot be made: ", error.message());
  std::cerr << "sumi: made the folder " << folder.string() << '\n';
}

std::vector<PaintTask> plan_paintings(const std::vector<std::string>& inputs, const std::string& output) {
  for (const std::string& i : inputs) check(!i.empty(), "a photo's name is empty");
  check(!output.empty(), "the output's name is empty");
  const bool several = inputs.size() > 1 || is_folder(inputs.front());
  std::vector<std::string> photos;
  for (const std::string& i : inputs) {
    const auto found = is_folder(i) ? pictures_in(i) : std::vector{i};
    photos.insert(photos.end(), found.begin(), found.end());
  }
  const bool into_folder = several || is_folder(output);
  if (!into_folder) check_single_output(output);
  if (into_folder && !is_folder(output)) check_folder_can_be_made(output);
  std::vector<PaintTask> tasks;
  std::set<std::string> taken;
  for (const std::string& p : photos) tasks.push_back({p, into_folder ? name_in_folder(output, p, taken) : output});
  check_photos_stay(tasks);
  return tasks;
}

}  // namespace sumi
