#include "nn/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "kernels/core/error.h"

namespace sumi {
namespace {

/// The file that `path` stands for, with links followed as far as they lead.
std::string target_of(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_symlink(path, ignored)) return path;
  const auto resolved = std::filesystem::weakly_canonical(path, ignored);
  return ignored ? path : resolved.string();
}

void check_replaceable(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0)
    check(S_ISREG(info.st_mode), path,
          ": cannot write: ", S_ISDIR(info.st_mode) ? "is a folder" : "not a regular file");
}

/// The rename is durable only after the folder is on disk too. Some file systems cannot sync folders and say EINVAL.
int sync_folder(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno == EACCES ? 0 : errno;
  const int error = ::fsync(folder) == 0 || errno == EINVAL ? 0 : errno;
  ::close(folder);
  return error;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(target_of(path)) {
  check_replaceable(path_);
  for (int attempt = 0; file_ < 0 && attempt < 100; attempt++) {
    temporary_ = concat(path_, ".", ::getpid(), "-", attempt, ".tmp");
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0 && errno != EEXIST) break;
  }
  if (file_ < 0) fail_with(errno);
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail_with(int error) const {
  fail(path_, ": cannot write: ", std::strerror(error), error == ENOSPC ? " (the old file, if any, is unchanged)" : "");
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_with(n == 0 ? ENOSPC : errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void AtomicFile::commit() {
  if (::fsync(file_) != 0 && errno != EINVAL) fail_with(errno);
  const int file = std::exchange(file_, -1);
  if (::close(file) != 0) fail_with(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with(errno);
  temporary_.clear();
  if (const int error = sync_folder(path_)) fail_with(error);
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace sumi
