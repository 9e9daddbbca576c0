// Layers, norms and losses with their gradients, against PyTorch's numbers.
#include "nn/layers.h"

#include "tensor/autograd.h"
#include "tests/golden/golden.h"

namespace sumi {
namespace {

constexpr double kTolerance = 2e-5;  // of the range: sums of up to 150 products in f32, in another order

class LayersGolden : public testing::Test {
 protected:
  LayersGolden() : golden_(test::context(), "layers") {}
  Tensor input(const std::string& name) const {
    Tensor t = golden_.image(name);
    t.set_requires_grad();
    return t;
  }
  /// y and the gradient of every input, for sum(y * dy).
  void expect(const std::string& layer, const Tensor& y, const std::map<std::string, Tensor>& inputs) const {
    test::expect_close(y, golden_.image(layer + ".y").reshape(y.shape()), kTolerance, layer + ".y");
    backward(y, golden_.image(layer + ".dy").reshape(y.shape()));
    for (const auto& [name, t] : inputs)
      test::expect_close(t.grad(), golden_.image(layer + ".d" + name), kTolerance, layer + ".d" + name);
  }
  test::Golden golden_;
};

TEST_F(LayersGolden, Conv2d) {
  const Tensor x = input("conv.x"), w = input("conv.w"), b = input("conv.b");
  const Conv2dOptions o{.stride = 2, .groups = 2, .pad = {.top = 2, .bottom = 1, .left = 0, .right = 1}};
  expect("conv", conv2d(x, w, b, o), {{"x", x}, {"w", w}, {"b", b}});
}

TEST_F(LayersGolden, Conv2dUnderReflection) {
  const Tensor x = input("reflect.x"), w = input("reflect.w"), b = input("reflect.b");
  expect("reflect", conv2d(x, w, b, {.pad = Pad4::all(1), .pad_mode = PadMode::reflect}),
         {{"x", x}, {"w", w}, {"b", b}});
}

TEST_F(LayersGolden, ConvTranspose2d) {
  const Tensor x = input("transposed.x"), w = input("transposed.w"), b = input("transposed.b");
  const ConvTranspose2dOptions o{.stride = 2, .pad = Pad4::all(1), .output_pad_h = 1, .output_pad_w = 1};
  expect("transposed", conv_transpose2d(x, w, b, o), {{"x", x}, {"w", w}, {"b", b}});
}

TEST_F(LayersGolden, Norms) {
  const std::pair<std::string, NormOptions> kinds[] = {
      {"instance", {.kind = NormKind::instance}},
      {"group", {.kind = NormKind::group, .groups = 3}},
      {"layer", {.kind = NormKind::layer, .act = Map::leaky_relu, .a = 0.2}}};
  for (const auto& [name, options] : kinds) {
    const Tensor x = input(name + ".x"), w = input(name + ".w"), b = input(name + ".b");
    expect(name, norm(x, w, b, options), {{"x", x}, {"w", w}, {"b", b}});
  }
}

TEST_F(LayersGolden, BatchNorm2dTrainsAndInfers) {
  BatchNorm2d layer(golden_.context, 6);
  layer.weight.copy_from(golden_.tensor("batch.w"));
  layer.bias.copy_from(golden_.tensor("batch.b"));
  layer.set_requires_grad(true);
  layer.set_training(true);
  const Tensor x = input("batch.x");
  expect("batch", layer.forward(x), {{"x", x}, {"w", layer.weight}, {"b", layer.bias}});
  test::expect_close(layer.running_mean, golden_.tensor("batch.running_mean"), kTolerance, "running_mean");
  test::expect_close(layer.running_var, golden_.tensor("batch.running_var"), kTolerance, "running_var");
  layer.set_training(false);
  test::expect_close(layer.forward(x), golden_.image("batch.eval"), kTolerance, "eval");
}

TEST_F(LayersGolden, Linear) {
  const Tensor x = input("linear.x"), w = input("linear.w"), b = input("linear.b");
  expect("linear", linear(x, w, b), {{"x", x}, {"w", w}, {"b", b}});
}

TEST_F(LayersGolden, Losses) {
  const Tensor target = golden_.image("mse.target");
  for (const std::string name : {"mse", "l1", "huber", "tv", "gram"}) {
    const Tensor x = input(name + ".x");
    const Tensor y = name == "mse"     ? mse_loss(x, target)
                     : name == "l1"    ? l1_loss(x, target)
                     : name == "huber" ? huber_loss(x, target)
                     : name == "tv"    ? total_variation(x)
                                       : gram(x);
    expect(name, y, {{"x", x}});
  }
}

TEST(UpsampleConv2d, FoldsTheFilterAgainWhenItChanges) {
  const auto context = test::context();
  UpsampleConv2d layer(context, 2, 3, PadMode::reflect);
  layer.weight.copy_from(Tensor::randn(context, layer.weight.shape(), 1));
  const Tensor first = layer.folded();
  EXPECT_EQ(first.shape(), (Shape{2, 4, 4, 3}));
  EXPECT_EQ(layer.folded().ref().id, first.ref().id);
  layer.weight.copy_from(layer.weight * 2);
  EXPECT_EQ(layer.folded().to_vector(), (first * 2).to_vector());
  layer.to(DType::bf16);
  EXPECT_EQ(layer.folded().dtype(), DType::bf16);
  layer.to(DType::f32);
  layer.set_requires_grad(true);
  EXPECT_TRUE(layer.folded().requires_grad());
}

/// Folded as on a GPU, or enlarged as here.
TEST(UpsampleConv2d, EqualsTheFoldedConvolution) {
  const auto context = test::context();
  for (const PadMode mode : {PadMode::zero, PadMode::reflect, PadMode::replicate}) {
    UpsampleConv2d layer(context, 4, 5, mode);
    layer.weight.copy_from(Tensor::randn(context, layer.weight.shape(), 1));
    layer.bias.copy_from(Tensor::randn(context, layer.bias.shape(), 2));
    const Tensor x = Tensor::randn(context, {2, 6, 5, 4}, 3);
    test::expect_close(upsampled_conv2d(x, layer.folded(), layer.bias, mode), layer.forward(x), kTolerance,
                       std::string(name_of(mode)));
  }
}

}  // namespace
}  // namespace sumi
