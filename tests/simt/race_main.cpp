// The tests under the race checker; with --mutants, the test of the kernels' barriers; with --report [filter], what the
// kernels ask of memory.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/kernels/rows.h"
#include "tests/simt/race_f16.h"
#include "tests/simt/race_mutants.h"
#include "tests/simt/race_report.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::strcmp(argv[1], "--report") == 0) return simt::race::print_report(argc > 2 ? argv[2] : ""), 0;
  const bool mutants = argc > 1 && std::strcmp(argv[1], "--mutants") == 0;
  // Exact data makes the same accesses, f16 those of bf16, and an order more shows the checker little. Tests of the
  // intrinsics hold their kernels in files that are not compiled for it, and write device memory themselves.
  const bool all = GTEST_FLAG_GET(filter) == "*";
  if (all) GTEST_FLAG_SET(filter, mutants ? "-*_exact:*_f16:Intrin.*:Hopper.*:Defects.*" : "-*_exact:*_f16:Intrin.*");
  sumi::test::device_rig().runs = mutants ? 1 : 2;
  if (mutants) return simt::race::count_survivors() == 0 ? 0 : 1;
  simt::race::KernelsOfTests checker;
  simt::observer() = &checker;
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  listeners.Append(&checker);
  int failed = RUN_ALL_TESTS();
  if (all) {
    GTEST_FLAG_SET(filter, checker.f16_filter());
    failed |= RUN_ALL_TESTS();
  }
  listeners.Release(&checker);
  simt::observer() = nullptr;
  return failed;
}
