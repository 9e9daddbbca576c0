// What a library has said about each case, yes or no: asking takes milliseconds, and rows are asked at every call.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace sumi::device {

/// Answers by case; a null one, "cannot", is kept like any other. Forgets everything when there are `most`.
template <class T>
class Answers {
 public:
  explicit Answers(std::size_t most = 4096) : most_(most) {}
  /// The answer to `key`, which `ask` gives the first time. An exception of `ask` leaves nothing behind.
  std::shared_ptr<const T> find(const std::string& key, const std::function<std::shared_ptr<const T>()>& ask) {
    const std::lock_guard lock(mutex_);
    const auto known = answers_.find(key);
    if (known != answers_.end()) return known->second;
    if (answers_.size() >= most_) answers_.clear();
    return answers_.emplace(key, ask()).first->second;
  }

 private:
  std::mutex mutex_;
  std::size_t most_;
  std::map<std::string, std::shared_ptr<const T>> answers_;
};

}  // namespace sumi::device
