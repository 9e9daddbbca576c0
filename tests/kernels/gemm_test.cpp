#include "kernels/gemm/gemm.h"

#include "kernels/gemm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Gemm>();

/// Every row on 2 x 3 times 3 x 2 with a bias, in all four storage orders.
TEST(GemmClosedForm, SmallProduct) {
  std::vector<float> a{1, 2, 3, 4, 5, 6}, at{1, 4, 2, 5, 3, 6}, b{7, 8, 9, 10, 11, 12}, bt{7, 9, 11, 8, 10, 12};
  std::vector<float> bias{0.5f, -1};
  Context ctx;
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const auto& row : cpu_rows<Gemm>()) {
        std::vector<float> y(4);
        Gemm g{.M = 2, .N = 2, .K = 3, .transpose_a = ta, .transpose_b = tb, .alpha = 2};
        g.a = {ta ? at.data() : a.data()}, g.b = {tb ? bt.data() : b.data()}, g.y = {y.data()}, g.bias = {bias.data()};
        if (!can_run(row, g, ctx.device())) continue;
        row.run(g, ctx);
        EXPECT_EQ(y, (std::vector<float>{116.5f, 127, 278.5f, 307})) << row.name << g.key();
      }
}

/// A Gram matrix with a K long enough to be cut in parts: ones give K exactly.
TEST(GemmClosedForm, GramOfOnes) {
  constexpr std::int64_t n = 5, pixels = 20000;
  std::vector<float> x(n * pixels, 1.f), y(n * n);
  Gemm g{.M = n, .N = n, .K = pixels, .transpose_a = true};
  g.a = g.b = {x.data()}, g.y = {y.data()};
  Context ctx;
  run(g, ctx);
  for (const float v : y) EXPECT_EQ(v, pixels);
}

}  // namespace
}  // namespace sumi::test
