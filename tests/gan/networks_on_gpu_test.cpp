// Whole networks on a GPU, a real or the emulated one, beside the same on the CPU.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "gan/faststyle.h"
#include "gan/faststyle_trainer.h"
#include "gan/generator.h"
#include "gan/vgg.h"
#include "kernels/device/runtime.h"
#include "nn/chain.h"
#include "tensor/autograd.h"

namespace sumi::test {
namespace {

ContextPtr context_on(DeviceKind device) { return std::make_shared<Context>(ContextOptions{.device = device}); }

struct Agreement {
  double largest = 0, range = 0;  // the largest difference, and what the reference's values span
};

Agreement agreement(const std::vector<float>& got, const std::vector<float>& want) {
  Agreement a;
  float low = INFINITY, high = -INFINITY;
  for (std::size_t i = 0; i < want.size(); i++) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    a.largest = std::isnan(got[i]) ? INFINITY : std::max(a.largest, d);
    low = std::min(low, want[i]), high = std::max(high, want[i]);
  }
  a.range = high - low;
  return a;
}

void expect_close(const std::vector<float>& got, const std::vector<float>& want, double relative) {
  ASSERT_EQ(got.size(), want.size());
  const Agreement a = agreement(got, want);
  EXPECT_GT(a.range, 0);
  EXPECT_LE(a.largest, relative * a.range);
}

/// The network of one seed, painting the same noise on one device.
std::vector<float> painted(const Architecture& a, DeviceKind device, DType dtype) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  const auto source = a.make(cpu, 5, nullptr), network = a.make(context, 5, nullptr);
  network->load_state_dict(source->state_dict());
  network->to(dtype);
  const int side = std::max(a.minimum, a.multiple > 8 ? a.multiple : 16);
  const Tensor x = Tensor::uniform(cpu, {1, side, side, 3}, -1, 1, 3).to(context);
  const NoGrad no_history(*context);
  return network->forward(dtype == DType::f32 ? x : cast(x, dtype)).to_vector();
}

template <class Test>
struct OnTheGpu : Test {
  void SetUp() override {
    if (device::availability().count == 0) GTEST_SKIP() << "no GPU";
  }
};
using NetworkOnTheGpu = OnTheGpu<testing::TestWithParam<std::string_view>>;
using UpsampleConv2dOnTheGpu = OnTheGpu<testing::Test>;
using TrainingOnTheGpu = OnTheGpu<testing::Test>;

TEST_P(NetworkOnTheGpu, PaintsWhatTheCpuPaints) {
  const Architecture& a = architecture_named(GetParam());
  const auto want = painted(a, DeviceKind::cpu, DType::f32);
  expect_close(painted(a, DeviceKind::cuda, DType::f32), want, 2e-3);
  expect_close(painted(a, DeviceKind::cuda, DType::f16), want, 5e-2);
  expect_close(painted(a, DeviceKind::cuda, DType::bf16), want, 0.2);
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  for (const Architecture& a : architectures()) all.push_back(a.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, NetworkOnTheGpu, testing::ValuesIn(names()),
                         [](const auto& info) { return std::string(info.param); });

/// What a layer that enlarges makes of the same noise on one device: as inference makes it, with a norm behind it, and
/// as training does, with the gradients of input, filter and bias.
std::vector<std::vector<float>> enlarged(DeviceKind device, PadMode mode) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  UpsampleConv2d conv(context, 5, 6, mode);
  const Norm norm(context, 6, {.act = Map::relu});
  conv.weight.copy_from(Tensor::randn(cpu, {6, 3, 3, 5}, 1).to(context));
  conv.bias.copy_from(Tensor::randn(cpu, {6}, 2).to(context));
  Pending p(Tensor::randn(cpu, {2, 5, 7, 5}, 3).to(context));
  p.scale = Tensor::uniform(cpu, {2, 5}, 0.5, 2, 4).to(context), p.shift = Tensor::randn(cpu, {2, 5}, 5).to(context);
  p.act = Map::relu;
  const Tensor fused = settled(conv_norm(p, conv, norm));
  Tensor x = p.x.clone();
  x.set_requires_grad();
  conv.set_requires_grad(true);
  const Tensor y = conv.forward(x);
  backward(y, Tensor::randn(cpu, y.shape(), 6).to(context));
  return {fused.to_vector(), y.to_vector(), x.grad().to_vector(), conv.weight.grad().to_vector(),
          conv.bias.grad().to_vector()};
}

TEST_F(UpsampleConv2dOnTheGpu, IsTheConvolutionOfTheEnlargedImage) {
  for (const PadMode mode : {PadMode::zero, PadMode::reflect, PadMode::replicate}) {
    const auto got = enlarged(DeviceKind::cuda, mode), want = enlarged(DeviceKind::cpu, mode);
    for (std::size_t i = 0; i < want.size(); i++) expect_close(got[i], want[i], 1e-5);
  }
}

/// The gradients of a training network's filters on one device, and how many passes pad or fold a padded gradient.
struct Trained {
  std::vector<std::vector<float>> gradients;
  std::map<std::string_view, int> ops;
};
Trained gradients_on(DeviceKind device) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  const FaststyleOptions narrow{.width1 = 4, .width2 = 8, .width3 = 16, .blocks = 2};
  const Faststyle source(cpu, 5, narrow), network(context, 5, narrow);
  network.load_state_dict(source.state_dict());
  network.set_requires_grad(true);
  const Tensor x = Tensor::randn(cpu, {2, 16, 20, 3}, 6).to(context);
  std::vector<Timing> timings;
  context->profile = &timings;
  const Tensor y = network.forward(x);
  backward(y, Tensor::randn(cpu, y.shape(), 7).to(context));
  context->profile = nullptr;
  Trained t;
  for (const Timing& timing : timings) t.ops[timing.op]++;
  for (const Tensor* p : network.parameters())  // filters: a bias in front of a norm has no gradient but rounding
    if (p->rank() > 1) t.gradients.push_back(p->grad().to_vector());
  return t;
}

/// The norms pad for the convolutions behind them and fold the gradient themselves: what is left is the picture, padded
/// for the first filter's gradient, and what each of the two blocks reads, which the sum behind it reads too.
TEST_F(TrainingOnTheGpu, NormsPadForTheConvolutionsBehindThem) {
  Trained got = gradients_on(DeviceKind::cuda);
  const Trained want = gradients_on(DeviceKind::cpu);
  ASSERT_EQ(got.gradients.size(), want.gradients.size());
  for (std::size_t i = 0; i < want.gradients.size(); i++) expect_close(got.gradients[i], want.gradients[i], 1e-3);
  EXPECT_EQ(got.ops["pad_forward"], 3);
  EXPECT_EQ(got.ops["pad_backward"], 2);
}

/// A norm behind a convolution, with a history: y and the gradients of filter, weight and bias.
std::vector<std::vector<float>> normed(DeviceKind device, const NormOptions& options) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  const Tensor x = Tensor::randn(cpu, {2, 12, 14, 16}, 1).to(context);
  Conv2d conv(context, 16, 24, 3, {.pad = Pad4::all(1), .pad_mode = PadMode::reflect});
  conv.weight.copy_from(Tensor::randn(cpu, {24, 3, 3, 16}, 2).to(context));
  Norm norm(context, 24, options);
  conv.set_requires_grad(true), norm.set_requires_grad(true);
  std::vector<Timing> timings;
  context->profile = &timings;
  const Tensor y = settled(conv_norm(x, conv, norm));
  context->profile = nullptr;
  std::string ops;
  for (const Timing& t : timings) ops += concat(t.op, ' ');
  EXPECT_EQ(ops, "conv2d_forward norm_fold norm_apply ");
  backward(y, Tensor::randn(cpu, y.shape(), 3).to(context));
  return {y.to_vector(), conv.weight.grad().to_vector(), norm.weight.grad().to_vector(), norm.bias.grad().to_vector()};
}

using ConvNormOnTheGpu = OnTheGpu<testing::Test>;

TEST_F(ConvNormOnTheGpu, TakesStatisticsAtTheStore) {
  for (const NormOptions& o : {NormOptions{.act = Map::relu}, {.kind = NormKind::batch}, {.kind = NormKind::layer}}) {
    const auto got = normed(DeviceKind::cuda, o), want = normed(DeviceKind::cpu, o);
    for (std::size_t i = 0; i < want.size(); i++) expect_close(got[i], want[i], 1e-5);
  }
}

/// Losses of two training steps of a narrow network, the second captured on a GPU.
std::vector<float> losses_of_two_steps(DeviceKind device, DType precision) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  const auto vgg = std::make_shared<Vgg>(context, VggDepth::vgg16, 1, "relu4_3");
  vgg->load_state_dict(Vgg(cpu, VggDepth::vgg16, 1, "relu4_3").state_dict());
  const Tensor style = Tensor::uniform(cpu, {1, 16, 16, 3}, 0, 255, 2).to(context);
  const Tensor photos = Tensor::uniform(cpu, {1, 16, 16, 3}, 0, 255, 3).to(context);
  FaststyleTrainer trainer(context, vgg, style, {.width = 4, .precision = precision});
  std::vector<float> losses;
  for (int i = 0; i < 2; i++) {
    trainer.step(photos);
    const PerceptualLosses l = trainer.losses();
    for (const double v : {l.total, l.content, l.style, l.tv}) losses.push_back(static_cast<float>(v));
  }
  EXPECT_EQ(trainer.launched(), device == DeviceKind::cuda);
  return losses;
}

void expect_losses(DType precision, double relative) {
  const auto want = losses_of_two_steps(DeviceKind::cpu, precision);
  const auto got = losses_of_two_steps(DeviceKind::cuda, precision);
  for (std::size_t i = 0; i < want.size(); i++)
    EXPECT_NEAR(got[i], want[i], relative * std::abs(want[i])) << "loss " << i;
}

TEST_F(TrainingOnTheGpu, LosesWhatTheCpuLoses) { expect_losses(DType::f32, 1e-3); }

TEST_F(TrainingOnTheGpu, InBf16LosesWhatTheCpuLoses) { expect_losses(DType::bf16, 2e-2); }

}  // namespace
}  // namespace sumi::test
