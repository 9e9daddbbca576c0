// Training through 16-bit copies of f32 masters.
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "tensor/autograd.h"
#include "tests/golden/golden.h"

namespace sumi {
namespace {

/// Smooth, since a relu switches where rounding changes a sign.
struct Small : Module {
  explicit Small(const ContextPtr& c)
      : first(c, 3, 8, 3, {.pad = Pad4::all(1)}, false), norm(c, 8, {.act = Map::tanh}), second(c, 8, 4, 3) {
    add("first", first);
    add("norm", norm);
    add("second", second);
  }
  Tensor forward(const Tensor& x) const { return second.forward(norm.forward(first.forward(x))); }
  Conv2d first;
  Norm norm;
  Conv2d second;
};

void leave_gradients(const Small& network, const Tensor& x, const Tensor& target, DType precision) {
  backward(mse_loss(cast(network.forward(cast(x, precision)), DType::f32), target));
}

TEST(MixedPrecision, AStepIsTheSingleOneUpToRounding) {
  const auto c = test::context();
  const Small single(c), masters(c), copy(c);
  initialise(single, 3), initialise(masters, 3);
  const StateDict before = single.state_dict();
  copy.to(DType::bf16);
  single.set_requires_grad(true), copy.set_requires_grad(true);
  Optimizer plain(single.parameters(), sgd(0.1)), mixed(copy.parameters(), sgd(0.1), {}, masters.parameters());
  const Tensor x = Tensor::randn(c, {2, 8, 9, 3}, 1), target = Tensor::randn(c, {2, 6, 7, 4}, 2);
  leave_gradients(single, x, target, DType::f32), leave_gradients(copy, x, target, DType::bf16);
  for (const Tensor* p : copy.parameters()) EXPECT_EQ(p->grad().dtype(), DType::f32);
  plain.step(), mixed.step();
  const StateDict want = single.state_dict(), got = masters.state_dict(), rounded = copy.state_dict();
  for (const auto& [name, start] : before) {
    test::expect_close(got.at(name) - start, want.at(name) - start, 0.02, name);
    const DType type = start.rank() > 1 ? DType::bf16 : DType::f32;
    EXPECT_EQ(rounded.at(name).to_vector(), cast(got.at(name), type).to_vector()) << name;
  }
}

/// Each step moves a weight of 1 by 10^-5, where bf16 numbers lie 2^-8 apart.
TEST(MixedPrecision, StepsBelowHalfAUnitAddUp) {
  const auto c = test::context();
  Tensor master = Tensor::full(c, {4}, 1), copy = Tensor::zeros(c, {4}, DType::bf16);
  copy.set_requires_grad();
  Optimizer optimizer({&copy}, sgd(1e-5), {}, {&master});
  EXPECT_EQ(copy.to_vector()[3], 1) << "copies begin as their masters";
  for (int step = 1; step <= 1000; step++) {
    copy.set_grad(Tensor::full(c, {4}, 1));
    optimizer.step();
    ASSERT_NEAR(master.values()[0], 1 - 1e-5 * step, 4e-5) << step;
    ASSERT_EQ(copy.to_vector(), cast(master, DType::bf16).to_vector()) << step;
    if (step == 100) {
      EXPECT_EQ(copy.to_vector()[0], 1);
    }
  }
  EXPECT_EQ(copy.to_vector()[0], 0.98828125f);
}

TEST(MixedPrecision, MastersThatAreGivenAreNotTheOptimizersState) {
  const auto c = test::context();
  Tensor master = Tensor::full(c, {2}, 1), copy = Tensor::zeros(c, {2}, DType::bf16), alone = copy.clone();
  EXPECT_FALSE(Optimizer({&copy}, adam(), {}, {&master}).state().contains("master.0"));
  EXPECT_TRUE(Optimizer({&alone}, adam()).state().contains("master.0"));
  EXPECT_THROW(Optimizer({&copy}, adam(), {}, {&master, &master}), Error);
}

}  // namespace
}  // namespace sumi
