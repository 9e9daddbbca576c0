// Convolution and norm under a history: the values and gradients of the two ops, without the norm's pass over its
// input.
#include "nn/chain.h"

#include "tensor/autograd.h"
#include "tests/golden/golden.h"

namespace sumi {
namespace {

int calls_of(std::string_view op, Context& context, const std::function<void()>& work) {
  std::vector<Timing> timings;
  context.profile = &timings;
  work();
  context.profile = nullptr;
  return static_cast<int>(std::ranges::count(timings, op, &Timing::op));
}

template <class Conv>
void expect_same(const Tensor& x, Conv& conv, Norm& n) {
  conv.weight.copy_from(Tensor::randn(x.context(), conv.weight.shape(), 1));
  conv.set_requires_grad(true);
  n.set_requires_grad(true);
  Tensor got;
  EXPECT_EQ(calls_of(NormStats::op, x.ctx(), [&] { got = settled(conv_norm(x, conv, n)); }), 0);
  const Tensor want = n.forward(conv.forward(x)), dy = Tensor::randn(x.context(), want.shape(), 2);
  test::expect_close(got, want, 2e-5, "y");
  const Tensor inputs[] = {conv.weight, n.weight, n.bias};
  const Gradients a = grad(got, inputs, false, dy), b = grad(want, inputs, false, dy);
  for (std::size_t i = 0; i < a.size(); i++) test::expect_close(a[i], b[i], 1e-4, concat("gradient ", i));
}

TEST(ConvNorm, TakesStatisticsAtTheStore) {
  const ContextPtr context = test::context();
  const Tensor x = Tensor::randn(context, {2, 12, 14, 16}, 3);
  const NormOptions kinds[] = {{.act = Map::relu},
                               {.kind = NormKind::layer, .act = Map::leaky_relu, .a = 0.2},
                               {.kind = NormKind::group, .groups = 4}};
  for (const NormOptions& options : kinds) {
    Norm norm(context, 16, options);
    Conv2d conv(context, 16, 16, 3, {.pad = Pad4::all(1), .pad_mode = PadMode::reflect});
    ConvTranspose2d transposed(context, 16, 16, 4, {.stride = 2, .pad = Pad4::all(1)});
    UpsampleConv2d upsampled(context, 16, 16, PadMode::reflect);
    expect_same(x, conv, norm);
    expect_same(x, transposed, norm);
    expect_same(x, upsampled, norm);
  }
}

TEST(BatchNorm2d, ReadsItsInputOnceForStatistics) {
  const ContextPtr context = test::context();
  BatchNorm2d layer(context, 4);
  layer.set_training(true);
  layer.set_requires_grad(true);
  const Tensor x = Tensor::randn(context, {2, 3, 3, 4}, 1);
  EXPECT_EQ(calls_of(NormStats::op, *context, [&] { layer.forward(x); }), 1);
}

}  // namespace
}  // namespace sumi
