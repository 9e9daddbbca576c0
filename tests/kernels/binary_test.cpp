#include "kernels/binary/binary.h"

#include "kernels/binary/cases.h"
#include "tests/kernels/rows.h"
#include "tests/message_of.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Binary>();

std::vector<float> combined(BinaryOp f, std::vector<float> a, Dims5 a_dims, std::vector<float> b, Dims5 b_dims) {
  std::vector<float> y(static_cast<std::size_t>(count(broadcast(a_dims, b_dims))));
  Context ctx;
  Binary g{.f = f, .a_dims = a_dims, .b_dims = b_dims};
  g.a = {a.data()}, g.b = {b.data()}, g.y = {y.data()};
  run(g, ctx);
  return y;
}

TEST(BinaryClosedForm, OuterSumBroadcastsBothSides) {
  const auto y = combined(BinaryOp::add, {0, 10}, {1, 1, 1, 2, 1}, {1, 2, 3}, {1, 1, 1, 1, 3});
  EXPECT_EQ(y, (std::vector<float>{1, 2, 3, 11, 12, 13}));
}

TEST(BinaryClosedForm, NanInEitherOperandPasses) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Dims5 d{1, 1, 1, 1, 3};
  for (const BinaryOp f : {BinaryOp::maximum, BinaryOp::minimum}) {
    const auto y = combined(f, {nan, 1, 2}, d, {1, nan, 2}, d);
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
    EXPECT_EQ(y[2], 2);
  }
  EXPECT_EQ(combined(BinaryOp::greater, {nan, 1, 2}, d, {1, nan, 1}, d), (std::vector<float>{0, 0, 1}));
}

/// The engine sums gradients where the first one stands.
TEST(BinaryClosedForm, AddsInPlaceInEveryRow) {
  for (const Variant<Binary>& row : cpu_rows<Binary>()) {
    Context ctx;
    std::vector<float> a, want;
    for (int i = 0; i < 40000; i++) a.push_back(static_cast<float>(i)), want.push_back(static_cast<float>(3 * i));
    const std::vector<float> twice = [&] {
      std::vector<float> b = a;
      for (float& v : b) v *= 2;
      return b;
    }();
    const Dims5 d{1, 2, 10, 20, 100};
    Binary g{.f = BinaryOp::add, .a_dims = d, .b_dims = d, .b = {const_cast<float*>(twice.data())}};
    g.a = g.y = {a.data()};
    if (!row.supports(g, ctx.device())) continue;
    row.run(g, ctx);
    EXPECT_EQ(a, want) << row.name;
  }
}

TEST(BinaryErrors, UnequalSidesAreNamed) {
  const std::string said = message_of([] { broadcast({1, 1, 1, 2, 3}, {1, 1, 1, 2, 4}); });
  EXPECT_NE(said.find("1x1x1x2x3"), std::string::npos) << said;
}

}  // namespace
}  // namespace sumi::test
