#include "kernels/core/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace sumi::test {
namespace {

/// 1, 2, ..., 10 in three unequal parts: mean 5.5, variance 8.25.
TEST(PartialMoments, PartsMergeToTheWhole) {
  PartialMoments whole;
  for (const auto& [first, last] : {std::pair{1, 3}, {4, 4}, {5, 10}}) {
    double sum = 0, squares = 0;
    for (int v = first; v <= last; v++) sum += v - first, squares += (v - first) * (v - first);
    whole.merge(PartialMoments::shifted(last - first + 1, first, sum, squares));
  }
  EXPECT_DOUBLE_EQ(whole.count, 10);
  EXPECT_DOUBLE_EQ(whole.mean, 5.5);
  EXPECT_DOUBLE_EQ(whole.variance(), 8.25);
}

/// Alternating 1e8 - 1 and 1e8 + 1: variance 1, which the sum of squares at 1e16 could not resolve.
TEST(PartialMoments, LargeMeanKeepsVariance) {
  PartialMoments whole;
  for (int part = 0; part < 100; part++) whole.merge(PartialMoments::shifted(2, 1e8 - 1, 2, 4));
  EXPECT_DOUBLE_EQ(whole.mean, 1e8);
  EXPECT_NEAR(whole.variance(), 1, 1e-12);
}

TEST(PartialMoments, EmptyPartsChangeNothing) {
  PartialMoments whole = PartialMoments::shifted(2, 3, 2, 4);
  whole.merge({});
  EXPECT_EQ(whole.count, 2);
  EXPECT_EQ(whole.mean, 4);
  EXPECT_EQ(PartialMoments{}.variance(), 0);
}

TEST(PartialMoments, NaNStaysVisible) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(PartialMoments::shifted(2, nan, nan, nan).variance()));
  PartialMoments whole = PartialMoments::shifted(2, 0, 1, 1);
  whole.merge(PartialMoments::shifted(2, nan, nan, nan));
  EXPECT_TRUE(std::isnan(whole.mean));
  EXPECT_TRUE(std::isnan(whole.variance()));
}

}  // namespace
}  // namespace sumi::test
