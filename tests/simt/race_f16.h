// Which tests show the race checker every kernel in f16: f16 makes the accesses of bf16, so a kernel's cheapest case is
// enough.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/simt/race_checker.h"

namespace simt::race {

/// Remembers which tests launch which kernels, and what they cost.
class KernelsOfTests : public Checker, public testing::EmptyTestEventListener {
 public:
  void launch_begins(const char* kernel) override {
    launched_.insert(kernel);
    Checker::launch_begins(kernel);
  }
  void OnTestEnd(const testing::TestInfo& t) override;
  /// A filter of f16 tests: for each kernel seen in bf16 its cheapest test's twin, and rows that know f16 alone.
  std::string f16_filter() const;

 private:
  struct Test {
    std::string suite, name;
    std::int64_t milliseconds;
  };
  std::set<std::string> launched_;        // by the running test
  std::map<std::string, Test> cheapest_;  // of each bf16 kernel
};

}  // namespace simt::race
