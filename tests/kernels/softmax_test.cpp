#include "kernels/softmax/softmax.h"

#include "kernels/softmax/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<SoftmaxForward, SoftmaxBackward>();

std::vector<float> softmaxed(std::vector<float> x, bool log) {
  SoftmaxForward s{.columns = static_cast<std::int64_t>(x.size()), .log = log};
  s.x = s.y = {x.data()};
  Context ctx;
  run(s, ctx);
  return x;
}

TEST(SoftmaxClosedForm, LargeEqualScoresDoNotOverflow) {
  for (const float v : softmaxed({1e4f, 1e4f, 1e4f, 1e4f}, false)) EXPECT_FLOAT_EQ(v, 0.25f);
  for (const float v : softmaxed({-1e4f, -1e4f}, true)) EXPECT_FLOAT_EQ(v, -0.69314718f);
}

TEST(SoftmaxClosedForm, OddsAreExponentials) {
  const auto y = softmaxed({0, std::log(3.f)}, false);
  EXPECT_NEAR(y[0], 0.25, 1e-7);
  EXPECT_NEAR(y[1], 0.75, 1e-7);
}

TEST(SoftmaxClosedForm, NanSpoilsItsRow) {
  for (const float v : softmaxed({0, std::numeric_limits<float>::quiet_NaN(), 1}, false)) EXPECT_TRUE(std::isnan(v));
}

}  // namespace
}  // namespace sumi::test
