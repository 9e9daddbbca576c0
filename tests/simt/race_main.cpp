// The tests under the race checker.
#include <gtest/gtest.h>

#include "tests/simt/race_checker.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  simt::race::Checker checker;
  simt::observer() = &checker;
  const int failed = RUN_ALL_TESTS();
  simt::observer() = nullptr;
  return failed;
}
