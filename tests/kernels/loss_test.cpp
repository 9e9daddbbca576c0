#include "kernels/loss/loss.h"

#include "kernels/loss/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<LossForward, LossBackward, TotalVariationForward, TotalVariationBackward>();

TEST(LossClosedForm, ErrorsOfHalfAndThree) {
  std::vector<float> x{0.5f, -3, 0, 0}, target(4);
  const auto loss_of = [&](Loss f) {
    float loss = 0;
    LossForward a{.f = f, .n = 4, .x = {x.data()}, .target = {target.data()}, .loss = {&loss}};
    Context ctx;
    run(a, ctx);
    return loss;
  };
  EXPECT_FLOAT_EQ(loss_of(Loss::mse), 9.25f / 4);
  EXPECT_FLOAT_EQ(loss_of(Loss::l1), 3.5f / 4);
  EXPECT_FLOAT_EQ(loss_of(Loss::huber), 2.625f / 4);
}

TEST(LossClosedForm, GradientOfHuberIsClamped) {
  std::vector<float> x{0.5f, -3, 0, 8}, target(4), dx(4);
  float dloss = 4;
  LossBackward a{
      .f = Loss::huber, .n = 4, .x = {x.data()}, .target = {target.data()}, .dloss = {&dloss}, .dx = {dx.data()}};
  Context ctx;
  run(a, ctx);
  EXPECT_EQ(dx, (std::vector<float>{0.5f, -1, 0, 1}));
}

/// A ramp down the rows: each vertical difference is 2, each horizontal one 0.
TEST(TotalVariationClosedForm, Ramp) {
  std::vector<float> x{0, 0, 2, 2, 4, 4};
  float loss = 0, dloss = 4;
  std::vector<float> dx(6);
  Context ctx;
  for (const int p : {1, 2}) {
    TotalVariationForward f{.d = {1, 3, 2, 1}, .p = p, .x = {x.data()}, .loss = {&loss}};
    run(f, ctx);
    EXPECT_FLOAT_EQ(loss, p == 1 ? 2.f : 4.f);
  }
  TotalVariationBackward b{.d = {1, 3, 2, 1}, .p = 1, .x = {x.data()}, .dloss = {&dloss}, .dx = {dx.data()}};
  run(b, ctx);
  EXPECT_EQ(dx, (std::vector<float>{-1, -1, 0, 0, 1, 1}));
}

}  // namespace
}  // namespace sumi::test
