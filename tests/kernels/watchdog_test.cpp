// On a GPU nothing ends a kernel that waits forever, and after one that faulted every other fails. With
// SUMI_TEST_SECONDS=20 this program ends at such a test and names it, so that it can be started again for the others
// (SUMI_TESTS_DONE, tests/kernels/rows.h).
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include "kernels/core/context.h"
#include "kernels/core/environment.h"
#include "kernels/device/runtime.h"

namespace sumi::test {
namespace {

using Clock = std::chrono::steady_clock;

class Watchdog : public testing::EmptyTestEventListener {
 public:
  explicit Watchdog(int seconds) : patience_(seconds) {
    std::thread([this] { watch(); }).detach();
  }
  void OnTestStart(const testing::TestInfo& t) override {
    const std::lock_guard lock(mutex_);
    name_ = std::string(t.test_suite_name()) + '.' + t.name();
    deadline_ = Clock::now() + patience_;
  }
  void OnTestEnd(const testing::TestInfo& t) override {
    const std::lock_guard lock(mutex_);
    deadline_ = Clock::time_point::max();
    if (t.result()->Failed() && device::availability().count > 0) check_gpu();
  }

 private:
  [[noreturn]] void end(const char* why, int status) const {
    std::printf("[  STOPPED ] %s: %s\n", name_.c_str(), why);
    std::fflush(stdout);
    _exit(status);
  }
  void check_gpu() const {
    try {
      Context ctx(ContextOptions{.device = DeviceKind::cuda});
      const Scratch memory = ctx.scratch(256);
      device::fill(memory.as<void>(), 0, 256, ctx.stream());
      ctx.synchronize();
    } catch (const Error& e) {
      end(e.what(), 125);
    }
  }
  void watch() {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const std::lock_guard lock(mutex_);
      if (Clock::now() > deadline_) end("took too long", 124);
    }
  }

  std::mutex mutex_;
  std::string name_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::chrono::seconds patience_;
};

const bool kWatched = [] {
  const std::string seconds = environment("SUMI_TEST_SECONDS");
  if (!seconds.empty()) testing::UnitTest::GetInstance()->listeners().Append(new Watchdog(std::stoi(seconds)));
  return true;
}();

}  // namespace
}  // namespace sumi::test
