// Writing files so that a reader sees the old bytes or all of the new ones, never a half.
#pragma once
#include <string>
#include <string_view>

namespace sumi {

/// A temporary sibling of `path` that takes its place at commit(); without commit() it is removed and the old file
/// stays. Every failure throws Error naming the file and what the system said.
class AtomicFile {
 public:
  /// Follows a symbolic link. Refuses what is not a regular file: a device would be replaced, not written.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// fsync, rename, fsync of the folder.
  void commit();

 private:
  [[noreturn]] void fail_with(int error) const;
  std::string path_, temporary_;
  int file_ = -1;
};

/// AtomicFile in one call.
void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace sumi
