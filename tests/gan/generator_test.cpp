// Whole networks against PyTorch: with small seeded weights, and with published weights where this machine has them.
#include "gan/generator.h"

#include <algorithm>

#include "gan/animeganv2.h"
#include "gan/faststyle.h"
#include "nn/init.h"
#include "tensor/autograd.h"
#include "tests/golden/golden.h"

namespace sumi {
namespace {

struct Picture {
  std::vector<std::uint8_t> rgb;
  std::int64_t H, W;
};

Picture photo_of(const test::Golden& golden, int i) {
  const std::string name = concat("photo.", i);
  for (const TensorEntry& e : golden.file.entries())
    if (e.name == name) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(golden.file.bytes(e));
      return {{bytes, bytes + (e.end - e.begin)}, e.shape[0], e.shape[1]};
    }
  fail("no ", name);
}

/// Enlarged to the multiple by repeating the last row and column.
Picture padded(const Picture& p, int multiple) {
  const auto up = [&](std::int64_t n) { return (n + multiple - 1) / multiple * multiple; };
  Picture q{{}, up(p.H), up(p.W)};
  for (std::int64_t h = 0; h < q.H; h++)
    for (std::int64_t w = 0; w < q.W; w++)
      for (std::int64_t c = 0; c < 3; c++)
        q.rgb.push_back(p.rgb[static_cast<std::size_t>((std::min(h, p.H - 1) * p.W + std::min(w, p.W - 1)) * 3 + c)]);
  return q;
}

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); i++) squares += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return squares == 0 ? 200 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / squares);
}

/// Output in both sizes of a golden file: within 2e-3 of the range, and 45 dB after rounding.
void expect_pictures(const test::Golden& golden, const Architecture& architecture, const Generator& network) {
  const NoGrad none(*golden.context);
  for (int i = 0; i < 2; i++) {
    const Picture photo = padded(photo_of(golden, i), architecture.multiple);
    const Tensor x = to_network(golden.context, photo.rgb, photo.H, photo.W, architecture.pixels, DType::f32);
    const Tensor y = network.forward(x), expected = golden.image(concat("output.", i));
    test::expect_close(y, expected, 2e-3, concat("output ", i));
    EXPECT_GE(psnr(from_network(y, architecture.pixels), from_network(expected, architecture.pixels)), 45) << i;
  }
}

std::unique_ptr<Generator> network_of(const test::Golden& golden, const Architecture& architecture) {
  const StateDict weights = golden.below("weights.");
  auto network = architecture.make(golden.context, 0, &weights);
  network->load_state_dict(weights);
  return network;
}

struct Small {
  std::string architecture, file;
};
class SmallNetwork : public testing::TestWithParam<Small> {};

TEST_P(SmallNetwork, EqualsPyTorch) {
  const test::Golden golden(test::context(), GetParam().file);
  const Architecture& architecture = architecture_named(GetParam().architecture);
  expect_pictures(golden, architecture, *network_of(golden, architecture));
}

/// The recorded path and the fused one are one network.
TEST_P(SmallNetwork, RecordedPathEqualsTheFused) {
  const test::Golden golden(test::context(), GetParam().file);
  const Architecture& architecture = architecture_named(GetParam().architecture);
  const auto network = network_of(golden, architecture);
  const Picture photo = photo_of(golden, 0);
  const Tensor x = to_network(golden.context, photo.rgb, photo.H, photo.W, architecture.pixels, DType::f32);
  const Tensor fused = network->forward(x);
  network->set_requires_grad(true);
  const Tensor recorded = network->forward(x);
  EXPECT_FALSE(fused.requires_grad());
  EXPECT_TRUE(recorded.requires_grad());
  test::expect_close(recorded.detach(), fused, 5e-4, GetParam().architecture);
  backward(mean(square(recorded)));
  for (const NamedParameter& p : network->named_parameters()) EXPECT_TRUE(p.tensor->grad()) << p.name;
}

/// bf16 keeps 8 bits of every activation: the picture stays the same to the eye.
TEST_P(SmallNetwork, Bf16StaysNear) {
  const test::Golden golden(test::context(), GetParam().file);
  const NoGrad none(*golden.context);
  const Architecture& architecture = architecture_named(GetParam().architecture);
  const auto network = network_of(golden, architecture);
  network->to(DType::bf16);
  const Picture photo = photo_of(golden, 0);
  const Tensor x = to_network(golden.context, photo.rgb, photo.H, photo.W, architecture.pixels, DType::bf16);
  const Tensor y = network->forward(x);
  EXPECT_EQ(y.dtype(), DType::bf16);
  test::expect_close(y, golden.image("output.0"), 0.1, GetParam().architecture);
}

INSTANTIATE_TEST_SUITE_P(Generators, SmallNetwork,
                         testing::Values(Small{"animeganv2", "animeganv2_width6"},
                                         Small{"faststyle", "faststyle_width8"}),
                         [](const auto& info) { return info.param.architecture; });

class PublishedNetwork : public testing::TestWithParam<std::string> {};

TEST_P(PublishedNetwork, EqualsPyTorch) {
  const std::string path = test::shared_path("weights/" + GetParam() + ".safetensors");
  if (path.empty()) GTEST_SKIP() << "no published weights: set SUMI_SHARED to a folder with weights/" << GetParam();
  const test::Golden golden(test::context(), GetParam());
  const LoadedGenerator loaded = load_generator(golden.context, path);
  EXPECT_EQ(loaded.architecture->name, GetParam().starts_with("cartoongan") ? "cartoongan" : "lengstrom");
  expect_pictures(golden, *loaded.architecture, *loaded.network);
}

INSTANTIATE_TEST_SUITE_P(Generators, PublishedNetwork,
                         testing::Values("cartoongan_shinkai", "faststyle_wave", "faststyle_la_muse"),
                         [](const auto& info) { return info.param; });

class Architectures : public testing::TestWithParam<std::string> {};

/// Random weights at the smallest size: a file written from them loads again, recognised by names and by metadata.
TEST_P(Architectures, SurviveAFile) {
  const auto c = test::context();
  const NoGrad none(*c);
  const Architecture& a = architecture_named(GetParam());
  const auto network = a.make(c, 7, nullptr);
  const Tensor x = Tensor::uniform(c, {1, a.minimum, a.minimum + a.multiple, 3}, -1, 1, 3);
  const Tensor y = network->forward(x);
  EXPECT_EQ(y.shape(), x.shape());
  const std::string path = testing::TempDir() + "/sumi-" + GetParam() + ".safetensors";
  std::map<std::string, std::string> metadata;
  if (GetParam() == "faststyle_sigmoid") metadata = {{"architecture", "faststyle"}, {"pixels", "centered_sigmoid"}};
  for (int named = 0; named < 2; named++) {
    save_safetensors(path, network->state_dict(), metadata);
    const LoadedGenerator loaded = load_generator(c, path);
    EXPECT_EQ(loaded.architecture, &a);
    EXPECT_EQ(loaded.network->forward(x).to_vector(), y.to_vector());
    metadata = {{"architecture", GetParam()}};
  }
  std::filesystem::remove(path);
}

TEST_P(Architectures, ThreadsDoNotChangeABit) {
  std::vector<float> two;
  for (const int threads : {2, 3}) {
    const auto c = test::context(threads);
    const NoGrad none(*c);
    const Architecture& a = architecture_named(GetParam());
    const auto network = a.make(c, 7, nullptr);
    const auto y = network->forward(Tensor::uniform(c, {1, 20, 28, 3}, -1, 1, 3)).to_vector();
    if (two.empty()) two = y;
    EXPECT_EQ(y, two);
  }
}

std::vector<std::string> all_architectures() {
  std::vector<std::string> names;
  for (const Architecture& a : architectures()) names.emplace_back(a.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Generators, Architectures, testing::ValuesIn(all_architectures()),
                         [](const auto& info) { return info.param; });

class GeneratorFile : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string refusal(const StateDict& state, const std::map<std::string, std::string>& metadata = {}) const {
    save_safetensors(path_, state, metadata);
    try {
      load_generator(context_, path_);
    } catch (const Error& e) {
      EXPECT_TRUE(std::string(e.what()).starts_with(path_ + ": ")) << e.what();
      return e.what();
    }
    return "";
  }
  ContextPtr context_ = test::context();
  std::string path_ = testing::TempDir() + "/sumi-generator.safetensors";
};

TEST_F(GeneratorFile, ErrorsNameTheTensor) {
  const Faststyle network(context_, 1, {.width1 = 4, .width2 = 5, .width3 = 6, .blocks = 2});
  const StateDict good = network.state_dict();
  EXPECT_EQ(refusal(good), "") << "odd widths and two blocks";
  StateDict bad = good;
  bad.erase("in3.bias");
  EXPECT_NE(refusal(bad).find("1 missing: in3.bias"), std::string::npos);
  bad = good;
  bad.erase("conv3.conv2d.weight");
  EXPECT_NE(refusal(bad).find("'conv3.conv2d.weight' is missing"), std::string::npos);
  bad = good;
  bad["conv1.conv2d.weight"] = Tensor::zeros(context_, {100000, 1, 1, 1});
  EXPECT_NE(refusal(bad).find("'conv1.conv2d.weight': expected a filter"), std::string::npos);
  EXPECT_NE(refusal({{"a", Tensor::zeros(context_, {1})}}).find("not a generator"), std::string::npos);
  const std::string foreign = refusal({{"a", Tensor::zeros(context_, {1})}}, {{"architecture", "stylegan"}});
  EXPECT_NE(foreign.find("none of conv01_1.weight (cartoongan), conv1.conv2d.weight"), std::string::npos) << foreign;
  EXPECT_NE(foreign.find("tensors begin with a"), std::string::npos) << foreign;
  EXPECT_NE(foreign.find("calls itself 'stylegan'"), std::string::npos) << foreign;
  EXPECT_EQ(refusal(good, {{"architecture", "my own words"}}), "");
  EXPECT_NE(refusal(good, {{"architecture", "lengstrom"}}), "");
}

TEST_F(GeneratorFile, AcceptsWhatOlderToolsSaved) {
  const Faststyle network(context_, 1, {.width1 = 4, .width2 = 5, .width3 = 6, .blocks = 1});
  StateDict old;
  for (const auto& [name, t] : network.state_dict()) old["module." + name] = t;
  old["module.in1.running_mean"] = Tensor::zeros(context_, {4});
  old["module.in1.running_var"] = Tensor::zeros(context_, {4});
  EXPECT_EQ(refusal(old), "");
}

TEST(AnimeGanV2, AlignedCornersChangeTheUpsampling) {
  const auto c = test::context();
  AnimeGanV2 network(c, 1, 4);
  const Tensor x = Tensor::uniform(c, {1, 12, 16, 3}, -1, 1, 3);
  const auto half = network.forward(x).to_vector();
  network.configure({{"align_corners", "true"}});
  const Tensor aligned = network.forward(x);
  EXPECT_EQ(aligned.shape(), x.shape());
  EXPECT_NE(aligned.to_vector(), half);
}

TEST(Pixels, GoInAndComeOutUnchanged) {
  const auto c = test::context();
  std::vector<std::uint8_t> rgb(256 * 3);
  for (std::size_t i = 0; i < rgb.size(); i++) rgb[i] = static_cast<std::uint8_t>((i * 7) % 256);
  for (const Architecture& a : architectures()) {
    if (a.pixels.offset != a.pixels.out_offset) continue;  // input and output formats differ on purpose
    EXPECT_EQ(from_network(to_network(c, rgb, 16, 16, a.pixels, DType::f32), a.pixels), rgb) << a.name;
  }
  const PixelFormat bgr{.bgr = true};
  const std::vector<std::uint8_t> red{255, 0, 127};
  const Tensor x = to_network(c, red, 1, 1, bgr, DType::f32);
  EXPECT_NEAR(x.values()[0], -0.5 / 127.5, 1e-6);
  EXPECT_EQ(x.values()[2], 1);
}

TEST(Pixels, AreClampedAndNanIsBlack) {
  const auto c = test::context();
  const std::vector<float> values{2, -3, std::nanf(""), 0.0039f, 1, -1};
  const auto rgb = from_network(Tensor::from(c, {1, 1, 2, 3}, values), {});
  EXPECT_EQ(rgb, (std::vector<std::uint8_t>{255, 0, 0, 128, 255, 0}));
}

}  // namespace
}  // namespace sumi
