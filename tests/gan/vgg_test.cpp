#include "gan/vgg.h"

#include <filesystem>
#include <limits>

#include "gan/style.h"
#include "nn/safetensors.h"
#include "tensor/autograd.h"
#include "tests/golden/golden.h"
#include "tests/message_of.h"

namespace sumi {
namespace {

/// Every 16th channel, as the golden file keeps them.
std::vector<float> every_16th(const Tensor& y) {
  std::vector<float> kept;
  const auto values = y.to_vector();
  for (std::size_t i = 0; i < values.size(); i += 16) kept.push_back(values[i]);
  return kept;
}

TEST(Vgg, FeaturesEqualPyTorch) {
  const auto c = test::context();
  const test::Golden golden(c, "vgg16_to_relu2_1");
  const Vgg vgg(c, VggDepth::vgg16, std::nullopt, "relu2_1");
  vgg.load_state_dict(golden.below("weights."));
  const auto compare = [&](const Tensor& y, const std::string& name) {
    const Tensor expected = golden.image(name);
    test::expect_close(Tensor::from(c, expected.shape(), every_16th(y)), expected, 1e-4, name);
  };
  const std::vector<std::string> layers{"conv1_2", "relu1_2", "conv2_1", "relu2_1"};
  const auto all = vgg.features(golden.image("x"), layers);
  for (const std::string& name : layers) compare(all.at(name), name);
  for (const std::string& name : layers) compare(vgg.features(golden.image("x"), {name}).at(name), name);
  compare(vgg.features(golden.image("x"), {"conv2_1"}, true).at("conv2_1"), "average_conv2_1");
}

TEST(Vgg, NamesAreTorchvisions) {
  const auto c = test::context();
  const auto names = [&](VggDepth depth) {
    const Vgg vgg(c, depth, std::nullopt, "conv5_1");
    std::vector<int> numbers;
    for (const NamedParameter& p : vgg.named_parameters())
      if (p.name.ends_with(".weight")) numbers.push_back(std::stoi(p.name.substr(9)));
    return numbers;
  };
  EXPECT_EQ(names(VggDepth::vgg16), (std::vector<int>{0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24}));
  EXPECT_EQ(names(VggDepth::vgg19), (std::vector<int>{0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28}));
}

TEST(Vgg, RefusesUnknownLayers) {
  const auto c = test::context();
  EXPECT_THROW(Vgg(c, VggDepth::vgg16, 1, "relu3_4"), Error) << "VGG-19 only";
  EXPECT_THROW(Vgg(c, VggDepth::vgg16, 1, "pool1"), Error);
  const Vgg vgg(c, VggDepth::vgg16, 1, "conv1_2");
  const Tensor x = Tensor::zeros(c, {1, 8, 8, 3});
  EXPECT_THROW(vgg.features(x, {"relu2_1"}), Error) << "not built";
  EXPECT_THROW(vgg.features(x, {}), Error);
  EXPECT_NO_THROW(vgg.features(x, {"relu1_2"})) << "the ReLU of the last convolution";
}

TEST(Vgg, LoadsAPublishedTrunk) {
  const std::string path = test::shared_path("weights/vgg16_trunk.safetensors");
  if (path.empty()) GTEST_SKIP() << "no VGG trunk: set SUMI_SHARED to a folder with weights/vgg16_trunk.safetensors";
  const auto c = test::context();
  const auto vgg = load_vgg(c, path, "relu3_3");
  EXPECT_EQ(vgg->named_parameters().size(), 14u);
  EXPECT_THROW(load_vgg(c, test::shared_path("weights/faststyle_wave.safetensors"), "relu3_3"), Error);
}

TEST(Vgg, WeightsThatTellNothingAreRefused) {
  const auto c = test::context();
  const std::string path = testing::TempDir() + "/sumi-vgg.safetensors";
  const auto refusal = [&](const StateDict& state) {
    save_safetensors(path, state, {});
    return test::message_of([&] { load_vgg(c, path, "relu1_2"); });
  };
  StateDict state = Vgg(c, VggDepth::vgg16, 1, "relu1_2").state_dict();
  EXPECT_EQ(refusal(state), "");
  EXPECT_TRUE(is_vgg(path));
  const Shape shape = state["features.2.weight"].shape();
  state["features.2.weight"] = Tensor::zeros(c, shape);
  EXPECT_NE(refusal(state).find("'features.2.weight' is all zeros"), std::string::npos);
  state["features.2.weight"] = Tensor::full(c, shape, std::numeric_limits<double>::infinity());
  EXPECT_NE(refusal(state).find("'features.2.weight' has values that are not finite"), std::string::npos);
  EXPECT_NE(refusal({{"head", Tensor::zeros(c, {1})}}).find("begin with head"), std::string::npos);
  EXPECT_FALSE(is_vgg(path));
  std::filesystem::remove(path);
}

/// d features / d pixels against differences, through every kind of layer.
TEST(Vgg, PassesGradientsToThePicture) {
  const auto c = test::context();
  const Vgg vgg(c, VggDepth::vgg16, 5, "conv2_1");
  const Tensor pixels = Tensor::uniform(c, {1, 8, 8, 3}, 0, 255, 3);
  const Tensor direction = Tensor::randn(c, pixels.shape(), 4);
  const auto loss = [&](const Tensor& p) {
    return mean(square(vgg.features(vgg.input(p), {"conv2_1"}).at("conv2_1")));
  };
  Tensor leaf = pixels.clone();
  leaf.set_requires_grad();
  backward(loss(leaf));
  const double slope = sum(leaf.grad() * direction).item();
  const double step = 0.05;
  const double difference =
      (loss(pixels + direction * step).item() - loss(pixels - direction * step).item()) / (2 * step);
  EXPECT_NEAR(slope / difference, 1, 0.01);
}

TEST(Style, StatisticsHaveTheirClosedForm) {
  const auto c = test::context();
  const std::vector<float> values{1, 2, 3, 4};  // two pixels of two channels
  const Tensor x = Tensor::from(c, {1, 1, 2, 2}, values);
  const auto g = style_statistic(x, StyleStatistic::gram).gram.to_vector();  // x'x / (H W C) = x'x / 4
  EXPECT_EQ(g, (std::vector<float>{2.5f, 3.5f, 3.5f, 5}));
  const StyleTarget m = style_statistic(x, StyleStatistic::mean_std);
  EXPECT_EQ(m.mean.to_vector(), (std::vector<float>{2, 3}));
  EXPECT_NEAR(m.std.to_vector()[0], std::sqrt(1 + 1e-5), 1e-6);
}

TEST(Style, ErrorsHaveTheirClosedForm) {
  const auto c = test::context();
  const Tensor t = Tensor::full(c, {1, 1, 2, 2}, 2), x = Tensor::full(c, {1, 1, 2, 2}, 3);
  EXPECT_FLOAT_EQ(feature_error(x, t, ErrorForm::absolute).item(), 1);
  EXPECT_FLOAT_EQ(feature_error(x, t, ErrorForm::relative).item(), 0.25f);
  // Gram: 4 and 9 times 2/4 everywhere; relative (4.5-2)^2 / 2^2; a batch of two gives the mean over both.
  const StyleTarget g = style_statistic(t, StyleStatistic::gram);
  EXPECT_FLOAT_EQ(style_error(x, g, StyleStatistic::gram, ErrorForm::absolute).item(), 6.25f);
  EXPECT_FLOAT_EQ(style_error(x, g, StyleStatistic::gram, ErrorForm::relative).item(), 1.5625f);
  const Tensor both = Tensor::from(c, {2, 1, 2, 2}, std::vector<float>{3, 3, 3, 3, 2, 2, 2, 2});
  EXPECT_FLOAT_EQ(style_error(both, g, StyleStatistic::gram, ErrorForm::relative).item(), 1.5625f / 2);
  EXPECT_FLOAT_EQ(style_error(both, g, StyleStatistic::gram, ErrorForm::absolute).item(), 6.25f / 2);
}

/// 4,001 ones: bf16 has neither their sum nor their mean's last bits.
TEST(Style, NarrowFeaturesAreComparedInSinglePrecision) {
  const auto c = test::context();
  const Tensor t = Tensor::full(c, {1, 4001, 1, 1}, 1, DType::bf16), x = Tensor::full(c, t.shape(), 2, DType::bf16);
  for (const ErrorForm form : {ErrorForm::absolute, ErrorForm::relative}) {
    EXPECT_EQ(feature_error(x, t, form).dtype(), DType::f32);
    EXPECT_EQ(feature_error(x, t, form).item(), 1);
    for (const StyleStatistic s : {StyleStatistic::gram, StyleStatistic::mean_std}) {
      EXPECT_EQ(style_error(x, style_statistic(t, s), s, form).dtype(), DType::f32);
      EXPECT_FLOAT_EQ(style_error(x, style_statistic(t, s), s, form).item(), s == StyleStatistic::gram ? 9 : 1);
    }
  }
}

TEST(Style, LossIsZeroAtItsTargetsAndPullsTowardsThem) {
  const auto c = test::context();
  const Vgg vgg(c, VggDepth::vgg16, 5, "conv2_1");
  const Tensor photo = Tensor::uniform(c, {1, 16, 12, 3}, 0, 255, 3);
  for (const auto statistic : {StyleStatistic::gram, StyleStatistic::mean_std})
    for (const auto form : {ErrorForm::absolute, ErrorForm::relative}) {
      PerceptualOptions o{.content_layers = {"conv2_1"}, .style_layers = {"relu1_1", "relu1_2"}};
      o.statistic = statistic, o.form = form, o.tv_weight = 0.5;
      const PerceptualLoss loss(vgg, photo, o);
      const auto content = loss.content_of(photo);
      const auto at = loss(photo, content);
      EXPECT_EQ(at.content.item(), 0);
      EXPECT_EQ(at.style.item(), 0);
      EXPECT_FLOAT_EQ(at.total.item(), at.variation.item());
      Tensor x = Tensor::uniform(c, {1, 16, 12, 3}, 0, 255, 9);
      x.set_requires_grad();
      const auto before = loss(x, content);
      backward(before.total);
      const double squares = sum(square(x.grad())).item();
      const double step = 1e-3 * before.total.item() / squares;
      const auto after = loss(x.detach() - x.grad() * step, content);
      EXPECT_NEAR((before.total.item() - after.total.item()) / (step * squares), 1, 0.1);
    }
}

}  // namespace
}  // namespace sumi
