// Which photo is painted into which file.
#pragma once
#include <string>
#include <vector>

namespace sumi {

/// The picture files in a folder, sorted. Throws Error when it is missing, cannot be read or holds none.
std::vector<std::string> pictures_in(const std::string& folder);

struct PaintTask {
  std::string input, output;
};

/// One task per photo. Folders stand for the pictures in them. A single photo goes to the file `output`, or into it
/// when it is a folder; several go into a folder, of which only the last part may be missing. Throws Error for a
/// missing folder, an unknown extension, a folder without pictures, or a photo that would be overwritten. Writes
/// nothing.
std::vector<PaintTask> plan_paintings(const std::vector<std::string>& inputs, const std::string& output);

/// Makes the folder that the tasks' outputs go into, where it is missing, and says so on stderr. Throws Error when the
/// system refuses.
void make_output_folder(const std::vector<PaintTask>& tasks);

}  // namespace sumi
