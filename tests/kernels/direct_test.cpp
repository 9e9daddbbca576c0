// The engine's own convolutions: closed forms of transposes and statistics, and the instruction sets that this machine
// would not choose.
#include <hwy/highway.h>

#include "kernels/conv2d/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

/// Ones transposed by a 3x3 filter of ones with stride 2: along each axis pixels are covered 1, 2, 1, 2, 1 times.
TEST(Conv2dClosedForm, TransposedOnesCountTaps) {
  std::vector<float> dy(9, 1.f), w(9, 1.f), dx(25);
  Conv2dBackwardInput a{.d = {.H = 5, .W = 5, .R = 3, .S = 3, .stride_h = 2, .stride_w = 2, .pad = Pad4::all(1)}};
  a.dy = {dy.data()}, a.w = {w.data()}, a.dx = {dx.data()};
  Context ctx;
  for (const auto& row : cpu_rows<Conv2dBackwardInput>()) {
    if (!can_run(row, a, ctx.device())) continue;
    std::fill(dx.begin(), dx.end(), -1.f);
    row.run(a, ctx);
    const float covered[] = {1, 2, 1, 2, 1};
    for (std::size_t i = 0; i < dx.size(); i++) EXPECT_EQ(dx[i], covered[i / 5] * covered[i % 5]) << row.name << i;
  }
}

/// The same with an even filter, output padding and a stride beyond the filter: pixels that no tap reaches are the
/// bias.
TEST(Conv2dClosedForm, TransposeLeavesUnreachedPixelsToTheBias) {
  std::vector<float> dy(4, 1.f), w(4, 1.f), dx(36), bias{0.5f};
  Conv2dBackwardInput a{.d = {.H = 6, .W = 6, .R = 2, .S = 2, .stride_h = 3, .stride_w = 3}};
  a.dy = {dy.data()}, a.w = {w.data()}, a.dx = {dx.data()}, a.epilogue.bias = {bias.data()};
  Context ctx;
  for (const auto& row : cpu_rows<Conv2dBackwardInput>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    for (std::size_t i = 0; i < dx.size(); i++)
      EXPECT_EQ(dx[i], i / 6 % 3 < 2 && i % 6 % 3 < 2 ? 1.5f : 0.5f) << row.name << ' ' << i;
  }
}

/// Values 1e4 +- 2^-6, alternating: mean 1e4 and variance 2^-12, of which sums of squares in f32 would keep nothing.
TEST(Conv2dStatistics, LargeMeanKeepsVariance) {
  constexpr std::int64_t kPixels = 40 * 48;
  std::vector<float> x(4 * kPixels), w(16), y(x.size()), mean(4), var(4);
  for (std::size_t i = 0; i < x.size(); i++) x[i] = i / 4 % 2 == 0 ? 1e4f + 0x1p-6f : 1e4f - 0x1p-6f;
  for (std::size_t k = 0; k < 4; k++) w[k * 5] = 1;
  Conv2dForward a{.d = {.H = 40, .W = 48, .C = 4, .K = 4}};
  a.x = {x.data()}, a.w = {w.data()}, a.y = {y.data()};
  a.epilogue.mean = {mean.data()}, a.epilogue.var = {var.data()};
  Context ctx;
  for (const auto& row : cpu_rows<Conv2dForward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    for (std::size_t k = 0; k < 4; k++) {
      EXPECT_NEAR(mean[k], 1e4f, 1e-3f) << row.name;
      EXPECT_NEAR(var[k], 0x1p-12f, 0x1p-22f) << row.name;
    }
  }
}

/// Every second case: the rest of the machinery is what the row tests run.
template <class Args>
void check_own_rows() {
  const auto cases = Cases<Args>::awkward();
  for (std::size_t i = 0; i < cases.size(); i += 2) {
    const auto& c = cases[i];
    for (const auto& row : cpu_rows<Args>()) {
      if (row.name != "direct" && row.name != "thin_in" && row.name != "thin_out" && row.name != "depthwise") continue;
      for (const DType t : {DType::f32, DType::bf16}) {
        Bound<Args> probe(c, t, Data::gaussian);
        SCOPED_TRACE(concat(row.name, ' ', c.args.key(), ' ', name_of(t)));
        if (can_run(row, probe.args, Context().device())) check_row(row, c, t, Data::gaussian);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

class InstructionSets : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    if ((hwy::SupportedTargets() & GetParam()) == 0) GTEST_SKIP() << hwy::TargetName(GetParam()) << " not here";
    choose(GetParam());
  }
  void TearDown() override { choose(0); }
  static void choose(std::int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

TEST_P(InstructionSets, OwnForwardRows) { check_own_rows<Conv2dForward>(); }
TEST_P(InstructionSets, OwnBackwardInputRows) { check_own_rows<Conv2dBackwardInput>(); }
TEST_P(InstructionSets, OwnBackwardWeightRows) { check_own_rows<Conv2dBackwardWeight>(); }

INSTANTIATE_TEST_SUITE_P(Conv2d, InstructionSets, testing::Values(HWY_AVX2),
                         [](const auto& p) { return std::string(hwy::TargetName(p.param)); });

}  // namespace
}  // namespace sumi::test
