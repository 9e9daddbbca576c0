// The differentiation engine and the tensor's ownership rules.
#include "tests/message_of.h"
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

Tensor scalar(float v) { return Tensor::from(test_context(), {1}, std::vector<float>{v}); }
Tensor leaf(float v) { return scalar(v).set_requires_grad(); }

/// x * 2, counting how often its backward runs.
Tensor counted(const Tensor& x, int& calls) {
  return record(scale(x.detach(), 2), "counted", {x}, [&calls](const Tensor& dy, const Wanted&) -> Gradients {
    calls++;
    return {dy * 2};
  });
}

TEST(Engine, DiamondRunsEachNodeOnce) {
  Tensor x = leaf(3);
  int calls = 0;
  const Tensor a = counted(x, calls), b = a * 5, c = a * 7;
  backward(b * c);  // 35 a^2, a = 2x
  EXPECT_EQ(calls, 1);
  EXPECT_FLOAT_EQ(x.grad().item(), 35 * 4 * 2 * 3);
}

TEST(Engine, ReusedInputsAdd) {
  Tensor x = leaf(2);
  backward(x * x * x + x);
  EXPECT_FLOAT_EQ(x.grad().item(), 13);
}

TEST(Engine, BackwardAccumulatesAndGradDoesNot) {
  Tensor x = leaf(2);
  const Tensor y = square(x), leaves[] = {x};
  backward(y);
  backward(y);
  EXPECT_FLOAT_EQ(x.grad().item(), 8);
  EXPECT_FLOAT_EQ(grad(y, leaves)[0].item(), 4);
  EXPECT_FLOAT_EQ(x.grad().item(), 8);
  x.set_grad({});
  EXPECT_FALSE(x.grad());
}

/// The gradient of a sum is the same for both terms, of a reshaped leaf the seed itself: each leaf gets its own copy.
TEST(Engine, LeavesDoNotShareGradients) {
  Tensor a = leaf(1), b = leaf(2), c = leaf(3);
  const Tensor seed = Tensor::full(test_context(), {1, 1}, 5);
  backward((a + b + c.reshape({1})).reshape({1, 1}), seed);
  a.grad().values()[0] = 7;
  c.grad().values()[0] = 9;
  EXPECT_EQ(a.grad().item(), 7);
  EXPECT_EQ(b.grad().item(), 5);
  EXPECT_EQ(c.grad().item(), 9);
  EXPECT_EQ(seed.item(), 5);
}

TEST(Engine, AReleasedHistoryHoldsNoValuesAndRunsOnce) {
  Tensor x = Tensor::full(test_context(), {1 << 10}, 2).set_requires_grad();
  const MemoryPool& pool = test_context()->pool();
  const std::size_t before = pool.bytes_in_use();
  const Tensor y = sum(square(square(square(x))));
  const std::size_t recorded = pool.bytes_in_use();
  EXPECT_GE(recorded, before + 2 * (4 << 10));  // x^2 and x^4 are kept, x^8 is not
  backward(y, {}, History::release);
  EXPECT_FLOAT_EQ(x.grad().to_vector()[7], 8 * 128);
  EXPECT_LE(pool.bytes_in_use(), recorded - 4 * (1 << 10));  // two went, one gradient came
  const std::string said = message_of([&] { backward(y); });
  EXPECT_NE(said.find("released"), std::string::npos) << said;
}

TEST(Engine, GradientsThatOthersHoldAreNotOverwritten) {
  Tensor x = leaf(-3);
  const Tensor h = x * 1, y = relu(h), dy = scalar(5), inputs[] = {x, h, y};
  const Gradients g = grad(y * 2, inputs, false, dy);
  EXPECT_FLOAT_EQ(g[0].item(), 0);
  EXPECT_FLOAT_EQ(g[1].item(), 0);
  EXPECT_FLOAT_EQ(g[2].item(), 10) << "masked in place";
  backward(relu(leaf(-1)), dy);
  EXPECT_FLOAT_EQ(dy.item(), 5) << "the caller's";
  backward(x + x);
  const Tensor held = x.grad();
  backward(x * 4);
  EXPECT_FLOAT_EQ(held.item(), 2);
  EXPECT_FLOAT_EQ(x.grad().item(), 6);
}

TEST(Engine, NoGradRecordsNothing) {
  Tensor x = leaf(2);
  {
    const NoGrad off(*test_context());
    EXPECT_FALSE(square(x).requires_grad());
    EXPECT_FALSE(recording({&x}));
  }
  EXPECT_TRUE(square(x).requires_grad());
  EXPECT_TRUE(recording({&x}));
}

TEST(Engine, DetachCutsTheHistory) {
  Tensor x = leaf(3);
  backward(x * square(x).detach());
  EXPECT_FLOAT_EQ(x.grad().item(), 9);
}

TEST(Engine, ConstantsAskForNothing) {
  Tensor x = leaf(3);
  const Tensor constant = scalar(4);
  Wanted asked;
  const Tensor y =
      record(x.detach() * constant, "probe", {constant, x}, [&](const Tensor& dy, const Wanted& wanted) -> Gradients {
        asked = wanted;
        return {{}, dy * constant};
      });
  backward(y);
  EXPECT_EQ(asked, (Wanted{false, true}));
  EXPECT_FLOAT_EQ(x.grad().item(), 4);
}

TEST(Engine, GradWalksOnlyTowardsItsInputs) {
  Tensor x = leaf(3), other = leaf(1);
  int calls = 0;
  const Tensor y = counted(other, calls) + x * 5, inputs[] = {x};
  EXPECT_FLOAT_EQ(grad(y, inputs)[0].item(), 5);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(other.grad());
}

TEST(Engine, GradOfInnerValuesAndOfStrangers) {
  Tensor x = leaf(3), stranger = leaf(1);
  const Tensor a = square(x), y = a * a, inputs[] = {a, x, stranger, y};
  const Gradients g = grad(y, inputs);
  EXPECT_FLOAT_EQ(g[0].item(), 18);
  EXPECT_FLOAT_EQ(g[1].item(), 108);
  EXPECT_FALSE(g[2]);
  EXPECT_FLOAT_EQ(g[3].item(), 1);
}

TEST(Engine, DerivativesOfAnyOrder) {
  Tensor x = leaf(2), y = power(x, 5);
  const float expected[] = {80, 160, 240, 240, 120};
  for (const float e : expected) {
    const Tensor inputs[] = {x};
    y = grad(y, inputs, true)[0];
    EXPECT_NEAR(y.item(), e, 1e-4 * e);
  }
}

TEST(Engine, DeepHistoriesNeedNoStack) {
  const std::size_t before = test_context()->pool().bytes_in_use();
  {
    Tensor x = leaf(1), y = x;
    for (int i = 0; i < 100000; i++) y = i % 2 ? tanh(y) * 1.0 : y + x;  // closures hold histories too
    backward(y);
    EXPECT_TRUE(x.grad());
  }
  EXPECT_EQ(test_context()->pool().bytes_in_use(), before);
}

/// Convolutions by the reference, since packed filters live in blocks of varying size.
ContextPtr plain_context() {
  return std::make_shared<Context>(ContextOptions{.threads = 1,
                                                  .forced_rows =
                                                      "conv2d_forward:reference,conv2d_backward_input:reference,"
                                                      "conv2d_backward_weight:reference"});
}

/// One step of a small network; returns the loss.
float train_step(const Tensor& x, std::span<const Tensor> parameters) {
  const Conv2dOptions reflect{.pad = Pad4::all(1), .pad_mode = PadMode::reflect};
  const Tensor h = norm(conv2d(x, parameters[0], {}, reflect), parameters[1], parameters[2], {.act = Map::relu});
  const Tensor y = conv2d(max_pool(h), parameters[3], {}, {.act = Map::tanh});
  const Tensor loss = mse_loss(y, average_pool(x)) + total_variation(h);
  backward(loss);
  std::vector<OptimizerParameter> slots;
  for (const Tensor& p : parameters) slots.push_back({.w = p, .g = p.grad()});
  optimizer_step({.update = Update::sgd, .lr = 0.1}, slots);
  for (const Tensor& p : parameters) p.set_grad({});
  return loss.item();
}

TEST(Engine, TrainingStepGivesMemoryBack) {
  const ContextPtr context = plain_context();
  {
    Tensor parameters[] = {Tensor::randn(context, {8, 3, 3, 3}, 1), Tensor::full(context, {8}, 1),
                           Tensor::zeros(context, {8}), Tensor::randn(context, {3, 1, 1, 8}, 2)};
    for (Tensor& p : parameters) p.set_requires_grad();
    const Tensor x = Tensor::randn(context, {2, 8, 8, 3}, 3);
    const std::size_t before = context->pool().bytes_in_use();
    const float first = train_step(x, parameters);
    EXPECT_EQ(context->pool().bytes_in_use(), before);
    EXPECT_LT(train_step(x, parameters), first);
    EXPECT_EQ(context->pool().bytes_in_use(), before);
  }
  EXPECT_EQ(context->pool().bytes_in_use(), 0u);
}

TEST(Engine, OptimizerBumpsVersions) {
  Tensor w = leaf(1);
  const Tensor m = scalar(0), v = scalar(0), alias = w.reshape({1, 1});
  const auto before = w.ref();
  const OptimizerParameter slots[] = {{w, scalar(2), m, v}};
  optimizer_step({.update = Update::adam, .lr = 0.5}, slots);
  EXPECT_EQ(w.ref().id, before.id);
  EXPECT_EQ(w.ref().version, before.version + 1);
  EXPECT_EQ(alias.ref().version, before.version + 1);
  EXPECT_NEAR(w.item(), 0.5, 1e-5);  // Adam's first step is lr long
  EXPECT_EQ(m.ref().version, 1u);
}

TEST(Engine, UnusedInputsAreNotKept) {
  const std::size_t before = test_context()->pool().bytes_in_use();
  Tensor w = random_tensor({4, 3, 3, 4}, 1, Values::gaussian, DType::f32);  // frozen
  Tensor x = random_tensor({1, 16, 16, 4}, 2, Values::gaussian, DType::f32);
  x.set_requires_grad();
  const std::size_t one = x.ref().data ? test_context()->pool().bytes_in_use() - before : 0;
  Tensor y = x;
  for (int i = 0; i < 8; i++) y = conv2d(y + 1.0, w, {}, {.pad = Pad4::all(1)});
  EXPECT_LT(test_context()->pool().bytes_in_use() - before, 3 * one) << "linear ops of frozen weights keep no images";
}

TEST(Tensor, ReshapeSharesStorageAndHistory) {
  Tensor x = Tensor::from(test_context(), {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor flat = x.reshape({6});
  EXPECT_EQ(flat.ref().id, x.ref().id);
  x.set_requires_grad();
  backward(sum(square(x.reshape({3, 2}))));
  EXPECT_EQ(x.grad().to_vector(), (std::vector<float>{2, 4, 6, 8, 10, 12}));
  EXPECT_EQ(x.grad().shape(), x.shape());
}

TEST(Tensor, StorageIdsAreFreshAndCachesForgetThem) {
  auto& cache = test_context()->cache();
  int made = 0;
  const std::function<std::shared_ptr<int>()> make = [&] { return std::make_shared<int>(++made); };
  std::weak_ptr<int> packed;
  std::uint64_t id = 0;
  {
    const Tensor w = scalar(1);
    id = w.ref().id;
    packed = cache.get<int>("row", "dims", w.ref(), make);
    cache.get<int>("row", "dims", w.ref(), make);
    EXPECT_EQ(made, 1);
    w.touch();
    packed = cache.get<int>("row", "dims", w.ref(), make);
    EXPECT_EQ(made, 2);
  }
  EXPECT_TRUE(packed.expired());
  EXPECT_NE(scalar(1).ref().id, id);
}

TEST(Tensor, CopiesConvertAndBumpTheVersion) {
  const Tensor source = Tensor::from(test_context(), {3}, std::vector<float>{1, -2.5, 1000});
  for (const DType t : {DType::f32, DType::f64, DType::f16, DType::bf16}) {
    const Tensor to = Tensor::zeros(test_context(), {3}, t);
    to.copy_from(source);
    EXPECT_EQ(to.to_vector(), source.to_vector()) << name_of(t);
    EXPECT_EQ(to.ref().version, 1u);
    EXPECT_NE(to.clone().ref().id, to.ref().id);
    EXPECT_EQ(to.clone().to_vector(), source.to_vector());
  }
}

TEST(Tensor, MaximaOverAxes) {
  const Tensor x = Tensor::from(test_context(), {2, 3}, std::vector<float>{-1, -5, -2, 4, 0, 3});
  EXPECT_EQ(max(x).item(), 4);
  EXPECT_EQ(max(x, {0}).to_vector(), (std::vector<float>{4, 0, 3}));
  EXPECT_EQ(max(x, {1}, true).shape(), (Shape{2, 1}));
  EXPECT_TRUE(std::isnan(max(log(x)).item()));  // of negative numbers
}

TEST(Tensor, RandomNumbersFollowTheSeed) {
  const Tensor a = Tensor::randn(test_context(), {1000}, 5), b = Tensor::randn(test_context(), {1000}, 5),
               c = Tensor::randn(test_context(), {1000}, 5, 1), u = Tensor::uniform(test_context(), {1000}, -2, 3, 5);
  EXPECT_EQ(a.to_vector(), b.to_vector());
  EXPECT_NE(a.to_vector(), c.to_vector());
  EXPECT_NEAR(mean(a).item(), 0, 0.15);
  EXPECT_NEAR(mean(square(a)).item(), 1, 0.2);
  EXPECT_NEAR(mean(u).item(), 0.5, 0.2);
  for (const float v : u.to_vector()) EXPECT_TRUE(v >= -2 && v < 3) << v;
}

}  // namespace
}  // namespace sumi::test
