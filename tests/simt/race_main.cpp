// The tests under the race checker.
#include <gtest/gtest.h>

#include "tests/kernels/rows.h"
#include "tests/simt/race_checker.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // Exact data makes the same accesses, and an order more shows the checker little. Tests of the intrinsics hold their
  // kernels in files that are not compiled for it, and write device memory themselves.
  if (GTEST_FLAG_GET(filter) == "*") GTEST_FLAG_SET(filter, "-*_exact:Intrin.*");
  sumi::test::device_rig().runs = 2;
  simt::race::Checker checker;
  simt::observer() = &checker;
  const int failed = RUN_ALL_TESTS();
  simt::observer() = nullptr;
  return failed;
}
