#include "nn/module.h"

#include "nn/init.h"
#include "nn/layers.h"
#include "tests/golden/golden.h"
#include "tests/message_of.h"

namespace sumi {
namespace {

struct Tiny : Module {
  explicit Tiny(const ContextPtr& c) : conv(c, 2, 3, 3), norm(c, 3), head(c, 4, 2) {
    add("conv", conv);
    add("bn", norm);
    add("head", head);
  }
  Conv2d conv;
  BatchNorm2d norm;
  Linear head;
};

TEST(Module, NamesAreTheTreesPaths) {
  const Tiny net(test::context());
  std::vector<std::string> names;
  for (const NamedParameter& p : net.named_parameters()) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean",
                                             "bn.running_var", "head.weight", "head.bias"}));
  EXPECT_EQ(net.parameters().size(), 6u) << "buffers are not trained";
}

TEST(Module, FilterLayoutIsTransposedOnce) {
  const auto c = test::context();
  const Conv2d conv(c, 2, 3, 3);
  std::vector<float> file(3 * 2 * 3 * 3);
  for (std::size_t i = 0; i < file.size(); i++) file[i] = static_cast<float>(i);
  conv.load_state_dict({{"weight", Tensor::from(c, {3, 2, 3, 3}, file)}, {"bias", Tensor::zeros(c, {3})}});
  // Ours [k,r,s,c] is the file's [k,c,r,s].
  EXPECT_EQ(conv.weight.values()[1], 9);            // k 0, r 0, s 0, c 1
  EXPECT_EQ(conv.weight.values()[2], 1);            // k 0, r 0, s 1, c 0
  EXPECT_EQ(conv.weight.values()[18 + 2 * 4], 22);  // k 1, r 1, s 1, c 0
  EXPECT_EQ(conv.state_dict().at("weight").to_vector(), file);
}

TEST(Module, LoadListsEveryProblemInOneError) {
  const auto c = test::context();
  const Tiny net(c);
  StateDict state = net.state_dict();
  state.erase("conv.bias");
  state.erase("head.weight");
  state["bn.bias"] = Tensor::zeros(c, {4});
  state["conv.weight"] = Tensor::zeros(c, {3, 3, 3, 2});
  state["extra.weight"] = Tensor::zeros(c, {1});
  const std::string text = test::message_of([&] { net.load_state_dict(state); });
  EXPECT_EQ(text,
            "state_dict does not fit: 2 missing: conv.bias, head.weight; 1 unexpected: extra.weight; 2 mis-shaped: "
            "bn.bias (expected [3], got [4]), conv.weight (expected [3,2,3,3], got [3,3,3,2])");
  const std::string lax = test::message_of([&] { net.load_state_dict(state, false); });
  EXPECT_EQ(lax.find("missing"), std::string::npos);
  EXPECT_NE(lax.find("conv.weight"), std::string::npos);
}

TEST(Module, LongListsOfProblemsAreCut) {
  const auto c = test::context();
  const Tiny net(c);
  StateDict state = net.state_dict();
  for (int i = 100; i < 107; i++) state[concat("x", i)] = Tensor::zeros(c, {1});
  EXPECT_EQ(test::message_of([&] { net.load_state_dict(state); }),
            "state_dict does not fit: 7 unexpected: x100, x101, x102, x103, x104, x105, x106");
  for (int i = 107; i < 143; i++) state[concat("x", i)] = Tensor::zeros(c, {1});
  EXPECT_EQ(test::message_of([&] { net.load_state_dict(state); }),
            "state_dict does not fit: 43 unexpected: x100, x101, x102, x103, x104, x105 and 37 more");
}

TEST(Module, RefusedLoadChangesNothing) {
  const auto c = test::context();
  const Tiny net(c);
  initialise(net, 1);
  const auto before = net.conv.weight.to_vector();
  StateDict state = net.state_dict();
  state["conv.weight"] = Tensor::zeros(c, {3, 2, 3, 3});
  state["head.bias"] = Tensor::zeros(c, {3});
  EXPECT_THROW(net.load_state_dict(state), Error);
  EXPECT_EQ(net.conv.weight.to_vector(), before);
}

TEST(Module, StateSurvivesAFileInEveryDtype) {
  const auto c = test::context();
  const Tiny net(c), other(c);
  initialise(net, 5);
  const std::string path = testing::TempDir() + "/sumi-module.safetensors";
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    save_safetensors(path, net.state_dict(dtype), {{"architecture", "tiny"}});
    const SafetensorsFile file(path);
    EXPECT_EQ(file.metadata().at("architecture"), "tiny");
    other.load_state_dict(file.load(c));
    const double step = dtype == DType::f32 ? 0 : dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
    const auto a = net.conv.weight.to_vector(), b = other.conv.weight.to_vector();
    for (std::size_t i = 0; i < a.size(); i++)
      EXPECT_LE(std::abs(a[i] - b[i]), std::abs(a[i]) * step + 1e-7 * (step > 0));
  }
  std::filesystem::remove(path);
}

TEST(Module, ToConvertsFiltersAndMatricesOnly) {
  const auto c = test::context();
  const Tiny net(c);
  net.set_requires_grad(true);
  net.to(DType::bf16);
  EXPECT_EQ(net.conv.weight.dtype(), DType::bf16);
  EXPECT_EQ(net.head.weight.dtype(), DType::bf16);
  EXPECT_EQ(net.conv.bias.dtype(), DType::f32);
  EXPECT_EQ(net.norm.running_mean.dtype(), DType::f32);
  EXPECT_TRUE(net.conv.weight.requires_grad());
}

/// Mean and spread of the draws against their definitions; the same seed gives the same numbers.
TEST(Initialise, SpreadsAreTheSchemes) {
  const auto c = test::context();
  const Conv2d conv(c, 64, 128, 3);
  const double fan_in = 64 * 9, fan_out = 128 * 9;
  const std::pair<Init, double> expected[] = {{Init::pytorch, 1 / std::sqrt(3 * fan_in)},
                                              {Init::kaiming_normal, std::sqrt(2 / fan_in)},
                                              {Init::kaiming_uniform, std::sqrt(2 / fan_in)},
                                              {Init::xavier_normal, std::sqrt(2 / (fan_in + fan_out))},
                                              {Init::xavier_uniform, std::sqrt(2 / (fan_in + fan_out))},
                                              {Init::normal, 0.02}};
  for (const auto& [scheme, std] : expected) {
    initialise(conv, 3, {.scheme = scheme});
    double total = 0, squares = 0;
    for (const float v : conv.weight.to_vector()) total += v, squares += static_cast<double>(v) * v;
    const double n = static_cast<double>(conv.weight.numel());
    EXPECT_NEAR(std::sqrt(squares / n) / std, 1, 0.02);
    EXPECT_NEAR(total / n, 0, 4 * std / std::sqrt(n));
  }
  initialise(conv, 3);
  const auto once = conv.weight.to_vector();
  EXPECT_GT(std::abs(conv.bias.values()[0]), 0);
  EXPECT_NE(once[0], once[4]);
  initialise(conv, 4);
  EXPECT_NE(conv.weight.to_vector(), once);
  initialise(conv, 3);
  EXPECT_EQ(conv.weight.to_vector(), once);
}

}  // namespace
}  // namespace sumi
