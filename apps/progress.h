// How long work reports itself on stderr.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace sumi {

/// "1:05", "2:00:07".
std::string duration_text(double seconds);

/// One line that is redrawn on a terminal; elsewhere a plain line at most every `plain_interval` seconds.
class Progress {
 public:
  Progress(std::string label, std::int64_t total, double plain_interval = 10);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Ends the terminal's line.
  ~Progress();
  /// `done` of total; `detail` stands before the ETA. `first` is what was done before this run (resuming).
  void update(std::int64_t done, std::string_view detail = {});
  void start_at(std::int64_t done) { first_ = done; }
  /// Clears the terminal's line so that a message can be printed.
  void clear();

 private:
  std::string label_;
  std::int64_t total_, first_ = 0;
  double interval_, start_, shown_ = 0;
  bool terminal_, dirty_ = false;
};

}  // namespace sumi
