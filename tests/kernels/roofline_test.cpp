#include "kernels/core/roofline.h"

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

TEST(Roofline, LeastTimeIsTheLargerOfTheTwo) {
  const Roofline r{.gflops = 100, .gbytes_per_s = 10};
  EXPECT_DOUBLE_EQ(r.seconds(1e9, 1e6), 1e-2);
  EXPECT_DOUBLE_EQ(r.seconds(1e6, 1e9), 1e-1);
}

/// Any machine that can build this does more than 1 GFLOP/s and less than 100 TFLOP/s.
TEST(Roofline, MeasuredIsPlausible) {
  Context ctx;
  const Roofline r = measure_cpu_roofline(ctx);
  EXPECT_GT(r.gflops, 1);
  EXPECT_LT(r.gflops, 1e5);
  EXPECT_GT(r.gbytes_per_s, 0.5);
  EXPECT_LT(r.gbytes_per_s, 1e4);
  RecordProperty("gflops", std::to_string(r.gflops));
  RecordProperty("gbytes_per_s", std::to_string(r.gbytes_per_s));
}

}  // namespace
}  // namespace sumi::test
