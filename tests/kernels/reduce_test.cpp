#include "kernels/reduce/reduce.h"

#include "kernels/reduce/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Reduce>();

std::vector<float> reduced(Reduction f, std::vector<float> x, Dims5 dims, unsigned axes) {
  Reduce r{.f = f, .dims = dims, .axes = axes};
  std::vector<float> y(static_cast<std::size_t>(count(r.y_dims())));
  r.x = {x.data()}, r.y = {y.data()};
  Context ctx;
  run(r, ctx);
  return y;
}

TEST(ReduceClosedForm, SmallMatrix) {
  const std::vector<float> x{1, 2, 3, 4, 5, 6};
  const Dims5 d{1, 1, 1, 2, 3};
  EXPECT_EQ(reduced(Reduction::sum, x, d, 0b10000), (std::vector<float>{6, 15}));
  EXPECT_EQ(reduced(Reduction::mean, x, d, 0b01000), (std::vector<float>{2.5f, 3.5f, 4.5f}));
  EXPECT_EQ(reduced(Reduction::max, x, d, 0b11000), (std::vector<float>{6}));
  EXPECT_EQ(reduced(Reduction::sum, x, d, 0), x);
}

TEST(ReduceClosedForm, TenMillionTenths) {
  constexpr std::int64_t n = 10'000'000;
  const auto y = reduced(Reduction::sum, std::vector<float>(n, 0.1f), {1, 1, 1, 1, n}, 31);
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(static_cast<double>(n) * static_cast<double>(0.1f)));
}

TEST(ReduceClosedForm, NanIsTheMaximumWhereverItStands) {
  for (const std::size_t at : {0u, 1u, 500u, 998u, 999u}) {
    std::vector<float> x(1000, -1.f);
    x[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(reduced(Reduction::max, x, {1, 1, 1, 1, 1000}, 31)[0])) << at;
  }
}

}  // namespace
}  // namespace sumi::test
