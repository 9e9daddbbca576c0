// Whole networks through the emulated GPU's kernels, beside the same on the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "gan/faststyle_trainer.h"
#include "gan/generator.h"
#include "gan/vgg.h"
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

struct EmulatedNetwork : testing::TestWithParam<std::string_view> {};

TEST_P(EmulatedNetwork, PaintsWhatTheCpuPaints) {
  const Architecture& a = architecture_named(GetParam());
  const auto want = painted(a, DeviceKind::cpu, DType::f32);
  expect_close(painted(a, DeviceKind::cuda, DType::f32), want, 2e-3);
  expect_close(painted(a, DeviceKind::cuda, DType::f16), want, 5e-2);
}

std::vector<std::string_view> names() {
  std::vector<std::string_view> all;
  for (const Architecture& a : architectures()) all.push_back(a.name);
  return all;
}
INSTANTIATE_TEST_SUITE_P(All, EmulatedNetwork, testing::ValuesIn(names()),
                         [](const auto& info) { return std::string(info.param); });

/// Losses of two training steps of a narrow network.
std::vector<float> losses_of_two_steps(DeviceKind device) {
  const ContextPtr cpu = context_on(DeviceKind::cpu), context = context_on(device);
  const auto vgg = std::make_shared<Vgg>(context, VggDepth::vgg16, 1, "relu4_3");
  vgg->load_state_dict(Vgg(cpu, VggDepth::vgg16, 1, "relu4_3").state_dict());
  const Tensor style = Tensor::uniform(cpu, {1, 16, 16, 3}, 0, 255, 2).to(context);
  const Tensor photos = Tensor::uniform(cpu, {1, 16, 16, 3}, 0, 255, 3).to(context);
  FaststyleTrainer trainer(context, vgg, style, {.width = 4});
  std::vector<float> losses;
  for (int i = 0; i < 2; i++) {
    const PerceptualLosses l = trainer.step(photos);
    for (const double v : {l.total, l.content, l.style, l.tv}) losses.push_back(static_cast<float>(v));
  }
  return losses;
}

TEST(EmulatedTraining, LosesWhatTheCpuLoses) {
  const auto got = losses_of_two_steps(DeviceKind::cuda), want = losses_of_two_steps(DeviceKind::cpu);
  for (std::size_t i = 0; i < want.size(); i++) EXPECT_NEAR(got[i], want[i], 1e-3 * std::abs(want[i])) << "loss " << i;
}

}  // namespace
}  // namespace sumi::test
