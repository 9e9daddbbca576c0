#include "apps/progress.h"

#include <unistd.h>

#include <cstdio>

#include "kernels/core/clock.h"

namespace sumi {

std::string duration_text(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  char text[48];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", s / 60, s % 60);
  return text;
}

Progress::Progress(std::string label, std::int64_t total, double plain_interval)
    : label_(std::move(label)),
      total_(total),
      interval_(plain_interval),
      start_(seconds_now()),
      terminal_(isatty(STDERR_FILENO) == 1) {
  if (terminal_) interval_ = 0.1;
  shown_ = start_;
}

Progress::~Progress() {
  if (dirty_) std::fputc('\n', stderr);
}

void Progress::clear() {
  if (dirty_) std::fputs("\r\033[K", stderr);
  dirty_ = false;
}

void Progress::update(std::int64_t done, std::string_view detail) {
  const double now = seconds_now();
  const bool last = done >= total_;
  if (now - shown_ < interval_ && !(last && (dirty_ || now - start_ > interval_))) return;
  shown_ = now;
  const auto fresh = static_cast<double>(done - first_);
  const double left = fresh > 0 ? (now - start_) / fresh * static_cast<double>(total_ - done) : 0;
  const std::string line = concat(label_, ' ', done, '/', total_, detail.empty() ? "" : "  ", detail,
                                  last        ? concat("  in ", duration_text(now - start_))
                                  : fresh > 0 ? concat("  ETA ", duration_text(left))
                                              : "");
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", line.c_str());
  std::fflush(stderr);
  dirty_ = terminal_;
}

}  // namespace sumi
