// Painting by optimization.
#include "gan/gatys.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/golden.h"

namespace sumi {
namespace {

class Gatys : public testing::Test {
 protected:
  /// Losses of every evaluation, for a style of noise on a photo of noise.
  std::vector<double> losses(PictureOptimizer optimizer, double style_weight, int iterations) {
    PerceptualOptions p = gatys_options();
    p.form = ErrorForm::relative, p.average_pooling = true;
    p.content_weight = 1, p.style_weight = style_weight, p.tv_weight = 0.01;
    const PerceptualLoss loss(vgg_, Tensor::uniform(context_, {1, 32, 32, 3}, 0, 255, 2), p);
    std::vector<double> seen;
    GatysOptions o{.optimizer = optimizer, .iterations = iterations};
    o.on_evaluation = [&](int, double value) { seen.push_back(value); };
    const Tensor photo = Tensor::uniform(context_, {1, 32, 32, 3}, 100, 130, 3);
    picture_ = paint_by_optimization(loss, photo, photo, o);
    return seen;
  }

  ContextPtr context_ = test::context();
  Vgg vgg_{context_, VggDepth::vgg16, 1, "relu5_1"};
  Tensor picture_;
};

TEST_F(Gatys, BothOptimizersLowerTheLoss) {
  for (const auto optimizer : {PictureOptimizer::lbfgs, PictureOptimizer::adam}) {
    const std::vector<double> seen = losses(optimizer, 10, 20);
    EXPECT_LT(seen.back(), 0.95 * seen.front());
    EXPECT_EQ(picture_.shape(), (Shape{1, 32, 32, 3}));
  }
}

TEST_F(Gatys, AStrongStyleDoesNotRunAway) {
  for (const double weight : {40.0, 1e3, 1e6}) {
    const std::vector<double> seen = losses(PictureOptimizer::lbfgs, weight, 30);
    EXPECT_LT(seen.back(), 0.7 * seen.front()) << weight;
    EXPECT_LE(seen.size(), 30u + 25) << weight;
    const std::vector<float> pixels = picture_.to_vector();
    EXPECT_LT(*std::ranges::max_element(pixels), 2000) << weight;
  }
}

}  // namespace
}  // namespace sumi
