// The training step of the feed-forward style network.
#include "gan/faststyle_trainer.h"

#include <gtest/gtest.h>

namespace sumi::test {
namespace {

class FaststyleTraining : public testing::Test {
 protected:
  std::unique_ptr<FaststyleTrainer> trainer(double ema = 0, DType precision = DType::f32) const {
    const Tensor style = Tensor::uniform(context, {1, 32, 32, 3}, 0, 255, 1);
    return std::make_unique<FaststyleTrainer>(
        context, vgg, style, FaststyleTrainerOptions{.width = 4, .steps = 10, .ema = ema, .precision = precision});
  }
  Tensor photos(std::uint64_t i) const { return Tensor::uniform(context, {2, 16, 20, 3}, 0, 255, 100 + i); }

  ContextPtr context = std::make_shared<Context>(ContextOptions{.threads = 2});
  std::shared_ptr<const Vgg> vgg = std::make_shared<Vgg>(context, VggDepth::vgg16, 3, "relu4_3");
};

TEST_F(FaststyleTraining, TotalIsTheWeightedSumAndFalls) {
  const auto t = trainer();
  t->step(photos(0));
  const PerceptualLosses first = t->losses();
  EXPECT_NEAR(first.total, first.content + 2 * first.style + 0.002 * first.tv, 1e-4 * first.total);
  for (int i = 0; i < 14; i++) t->step(photos(0));
  const PerceptualLosses between = t->losses();
  t->step(photos(0));
  const PerceptualLosses last = t->losses();
  EXPECT_LT(last.total, between.total);
  EXPECT_LT(between.total, first.total);
  EXPECT_LT(last.total, 0.9 * first.total);
}

TEST_F(FaststyleTraining, LearningRateFallsInThreeSteps) {
  const auto t = trainer();
  std::vector<double> rates;
  for (int i = 0; i < 10; i++) {
    rates.push_back(t->learning_rate());
    t->step(photos(0));
  }
  EXPECT_DOUBLE_EQ(rates[0], 1e-3);
  EXPECT_DOUBLE_EQ(rates[4], 1e-3);
  EXPECT_DOUBLE_EQ(rates[5], 3e-4);
  EXPECT_DOUBLE_EQ(rates[7], 3e-4);
  EXPECT_DOUBLE_EQ(rates[8], 1e-4);
  EXPECT_DOUBLE_EQ(rates[9], 1e-4);
}

TEST_F(FaststyleTraining, ResumingIsExact) {
  const auto whole = trainer(), start = trainer(), rest = trainer();
  for (std::uint64_t i = 0; i < 4; i++) whole->step(photos(i));
  for (std::uint64_t i = 0; i < 2; i++) start->step(photos(i));
  rest->restore(start->checkpoint());
  EXPECT_EQ(rest->steps_done(), 2);
  for (std::uint64_t i = 2; i < 4; i++) rest->step(photos(i));
  const StateDict a = whole->network().state_dict(), b = rest->network().state_dict();
  for (const auto& [name, t] : a) EXPECT_EQ(t.to_vector(), b.at(name).to_vector()) << name;
}

TEST_F(FaststyleTraining, AveragesAreTheResultAndResumeExactly) {
  const auto plain = trainer(), whole = trainer(0.9), start = trainer(0.9), rest = trainer(0.9);
  const StateDict before = plain->network().state_dict();
  for (std::uint64_t i = 0; i < 3; i++) plain->step(photos(i)), whole->step(photos(i));
  start->step(photos(0));
  rest->restore(start->checkpoint());
  for (std::uint64_t i = 1; i < 3; i++) rest->step(photos(i));
  const StateDict w = plain->network().state_dict(), a = whole->network().state_dict(),
                  b = rest->network().state_dict();
  int between = 0;
  for (const auto& [name, t] : a) {
    EXPECT_EQ(t.to_vector(), b.at(name).to_vector()) << name;
    const float now = w.at(name).to_vector()[0], then = before.at(name).to_vector()[0], mean = t.to_vector()[0];
    between += (mean - now) * (mean - then) < 0;
  }
  EXPECT_GT(between, static_cast<int>(a.size()) / 2);
}

/// The same losses up to rounding, and then nearly the same way down.
TEST_F(FaststyleTraining, StepsInBf16FollowThoseInF32) {
  const auto narrow = trainer(0, DType::bf16), wide = trainer();
  for (int i = 0; i < 4; i++) {
    narrow->step(photos(0)), wide->step(photos(0));
    const PerceptualLosses got = narrow->losses(), want = wide->losses();
    const double relative = i == 0 ? 0.005 : 0.05;
    EXPECT_NEAR(got.content, want.content, relative * want.content) << i;
    EXPECT_NEAR(got.style, want.style, relative * want.style) << i;
    EXPECT_NEAR(got.tv, want.tv, relative * want.tv) << i;
  }
}

/// Masters, averages and moments come back, and the copies are rounded from the masters again.
TEST_F(FaststyleTraining, ResumingInBf16IsExact) {
  const auto whole = trainer(0.9, DType::bf16), start = trainer(0.9, DType::bf16), rest = trainer(0.9, DType::bf16);
  for (std::uint64_t i = 0; i < 4; i++) whole->step(photos(i));
  for (std::uint64_t i = 0; i < 2; i++) start->step(photos(i));
  rest->restore(start->checkpoint());
  for (std::uint64_t i = 2; i < 4; i++) rest->step(photos(i));
  const StateDict a = whole->checkpoint(), b = rest->checkpoint();
  for (const auto& [name, t] : a) {
    EXPECT_EQ(t.dtype(), DType::f32) << name;
    EXPECT_EQ(t.to_vector(), b.at(name).to_vector()) << name;
  }
}

TEST_F(FaststyleTraining, PrecisionsThatWouldNeedMoreAreRefused) {
  EXPECT_THROW(trainer(0, DType::f16), Error);
  EXPECT_THROW(trainer(0, DType::f64), Error);
}

TEST_F(FaststyleTraining, PaintsPixels) {
  const std::vector<float> y = trainer()->paint(photos(0)).to_vector();
  for (const float v : y) {
    ASSERT_GE(v, 0.f);
    ASSERT_LE(v, 255.f);
  }
}

}  // namespace
}  // namespace sumi::test
