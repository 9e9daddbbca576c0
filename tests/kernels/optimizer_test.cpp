#include "kernels/optimizer/optimizer.h"

#include "kernels/optimizer/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<OptimizerStep>();

/// One weight with its moments, stepped by every row.
struct Scalar {
  float w, g, m = 0, v = 0;
};
void step(const Variant<OptimizerStep>& row, OptimizerStep o, Scalar& s) {
  o.slots = {{.n = 1, .w = {&s.w}, .g = {&s.g}, .m = {&s.m}, .v = {&s.v}}};
  Context ctx;
  row.run(o, ctx);
}

TEST(OptimizerClosedForm, FirstMomentumStepTakesTheGradientAndIgnoresTheBuffer) {
  for (const auto& row : cpu_rows<OptimizerStep>()) {
    Scalar s{.w = 1, .g = 2, .m = std::numeric_limits<float>::quiet_NaN()};
    step(row, {.update = Update::sgd, .lr = 0.1, .momentum = 0.9}, s);
    EXPECT_FLOAT_EQ(s.m, 2) << row.name;
    EXPECT_FLOAT_EQ(s.w, 0.8f) << row.name;
    step(row, {.update = Update::sgd, .lr = 0.1, .momentum = 0.9, .nesterov = true, .step = 2}, s);
    EXPECT_FLOAT_EQ(s.m, 3.8f) << row.name;  // 0.9 * 2 + 2
    EXPECT_FLOAT_EQ(s.w, 0.8f - 0.1f * (2 + 0.9f * 3.8f)) << row.name;
  }
}

/// ema + (1 - decay) (w - ema) with the new weight: in place of 4, 4 + 0.25 (0.8 - 4).
TEST(OptimizerClosedForm, AveragesFollowTheNewWeights) {
  for (const auto& row : cpu_rows<OptimizerStep>()) {
    float w = 1, g = 2, ema = 4;
    OptimizerStep o{.update = Update::sgd, .lr = 0.1, .ema_decay = 0.75};
    o.slots = {{.n = 1, .w = {&w}, .g = {&g}, .ema = {&ema}}};
    Context ctx;
    row.run(o, ctx);
    EXPECT_FLOAT_EQ(ema, 3.2f) << row.name;
  }
}

/// A schedule made from the settings changes no bit; one of its own replaces them.
TEST(OptimizerClosedForm, AScheduleReplacesTheSettings) {
  const OptimizerStep plain{.update = Update::adamw, .lr = 0.03, .weight_decay = 0.1, .ema_decay = 0.9, .step = 5};
  const StepSchedule s = plain.scheduled();
  float now[] = {static_cast<float>(s.lr), static_cast<float>(s.shrink), static_cast<float>(s.rate),
                 static_cast<float>(s.root), static_cast<float>(s.average)};
  Context ctx;
  const auto row = cpu_rows<OptimizerStep>().front();
  const auto stepped = [&](OptimizerStep o) {
    std::vector<float> state{1, 2, 0.5f, 0.25f, 3};
    o.slots = {{.n = 1, .w = {&state[0]}, .g = {&state[1]}, .m = {&state[2]}, .v = {&state[3]}, .ema = {&state[4]}}};
    row.run(o, ctx);
    return state;
  };
  OptimizerStep scheduled{.update = Update::adamw, .lr = 9, .weight_decay = 0.1, .schedule = {now}};
  EXPECT_EQ(stepped(scheduled), stepped(plain));
  now[0] = now[1] = now[2] = now[4] = 0;
  EXPECT_EQ(stepped(scheduled)[0], 1);
  EXPECT_EQ(stepped(scheduled)[4], 3);
}

/// After bias correction the first step of Adam is lr times the gradient's sign.
TEST(OptimizerClosedForm, FirstStepOfAdamIsTheLearningRate) {
  for (const auto& row : cpu_rows<OptimizerStep>()) {
    for (const float g : {1e-3f, 5.f, -200.f}) {
      Scalar s{.w = 1, .g = g};
      step(row, {.update = Update::adam, .lr = 0.01}, s);
      EXPECT_NEAR(s.w, g > 0 ? 0.99 : 1.01, 1e-6) << row.name;
    }
    Scalar s{.w = 1, .g = 0};
    step(row, {.update = Update::adamw, .lr = 0.01, .weight_decay = 0.5}, s);
    EXPECT_NEAR(s.w, 0.995, 1e-7) << row.name;
  }
}

}  // namespace
}  // namespace sumi::test
