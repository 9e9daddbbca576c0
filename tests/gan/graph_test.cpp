// Repeated work on a GPU, captured, beside the same done step by step; without a GPU, that it is just called. The
// emulated GPU runs these tests too.
#include "tensor/graph.h"

#include <gtest/gtest.h>

#include "gan/faststyle_trainer.h"
#include "kernels/device/runtime.h"
#include "tensor/autograd.h"
#include "tests/message_of.h"

namespace sumi::test {
namespace {

using Floats = std::vector<float>;

bool on_gpu() { return device::availability().count > 0; }

ContextPtr make_context(bool graphs) {
  const DeviceKind kind = on_gpu() ? DeviceKind::cuda : DeviceKind::cpu;
  return std::make_shared<Context>(ContextOptions{.device = kind, .threads = 2, .graphs = graphs});
}

struct GraphTest : testing::Test {
  ContextPtr context = make_context(true), eager = make_context(false);
};

Tensor noise(const ContextPtr& context, std::uint64_t seed, const Shape& shape) {
  return Tensor::uniform(context, shape, 0, 255, seed);
}

TEST_F(GraphTest, InferenceIsTheSameBitsWhateverTheCall) {
  const Shape shape{1, 8, 12, 3};
  const Architecture& a = architecture_named("faststyle_sigmoid");
  const NoGrad none(*context), none_either(*eager);
  const auto network = a.make(context, 3, nullptr), plain = a.make(eager, 3, nullptr);
  const Tensor x = Tensor::zeros(context, shape);
  Tensor y;
  Graph graph(context, [&] { y = network->forward(x); });
  for (std::uint64_t call = 0; call < 3; call++) {
    x.copy_from(noise(context, call, shape));
    graph();
    EXPECT_EQ(graph.launched(), on_gpu() && call > 0);
    EXPECT_EQ(y.to_vector(), plain->forward(noise(eager, call, shape)).to_vector()) << call;
  }
}

TEST_F(GraphTest, WeightsLoadedBetweenCallsCount) {
  const Shape shape{1, 8, 8, 3};
  const Architecture& a = architecture_named("faststyle_sigmoid");
  const NoGrad none(*context);
  const auto network = a.make(context, 3, nullptr), other = a.make(context, 4, nullptr);
  const Tensor x = noise(context, 1, shape);
  Tensor y;
  Graph graph(context, [&] { y = network->forward(x); });
  for (int i = 0; i < 3; i++) graph();
  network->load_state_dict(other->state_dict());
  graph();
  EXPECT_EQ(y.to_vector(), other->forward(x).to_vector());
}

/// Drawn on the CPU, which is quicker at it than an emulated GPU.
const StateDict& trunk() {
  static const StateDict drawn =
      Vgg(std::make_shared<Context>(ContextOptions{.threads = 2}), VggDepth::vgg16, 1, "relu4_3").state_dict();
  return drawn;
}

/// Weights, averages and losses after some steps on changing photos, a sample being painted in between.
struct Trained {
  StateDict state;
  std::vector<double> losses;
};
Trained trained(const ContextPtr& context, double ema) {
  const auto vgg = std::make_shared<Vgg>(context, VggDepth::vgg16, std::nullopt, "relu4_3");
  vgg->load_state_dict(trunk());
  const Tensor style = noise(context, 50, {1, 8, 8, 3});
  FaststyleTrainer trainer(context, vgg, style, {.width = 4, .steps = 4, .ema = ema});
  Trained t;
  for (std::uint64_t step = 0; step < 4; step++) {
    trainer.step(noise(context, step, {1, 8, 8, 3}));
    EXPECT_EQ(trainer.launched(), on_gpu() && context->graphs() && step > 0);
    if (step > 0) {  // what was made for one sample does not serve the next
      const NoGrad none(*context);
      t.losses.push_back(trainer.paint(style).to_vector()[7]);
    }
    const PerceptualLosses l = trainer.losses();
    t.losses.insert(t.losses.end(), {l.total, l.content, l.style, l.tv});
  }
  t.state = trainer.checkpoint();
  return t;
}

/// The rate falls after the second of the four steps, and Adam's bias correction changes in each.
TEST_F(GraphTest, TrainingStepsAreTheSameBits) {
  const Trained captured = trained(context, 0.9), plain = trained(eager, 0.9);
  EXPECT_EQ(captured.losses, plain.losses);
  ASSERT_EQ(captured.state.size(), plain.state.size());
  for (const auto& [name, t] : captured.state) EXPECT_EQ(t.to_vector(), plain.state.at(name).to_vector()) << name;
}

/// What a row does that packs its weights: y = the packed form of w.
void packed_copy(const Tensor& w, const Tensor& y) {
  Context& ctx = w.ctx();
  const auto pack = ctx.cache().get<Scratch>("test", "copy", w.ref(), [&] {
    auto memory = std::make_shared<Scratch>(ctx.lasting(w.bytes()));
    device::copy(memory->as<void>(), w.ref().data, w.bytes(), ctx.stream());
    return memory;
  });
  device::copy(y.ref().data, pack->as<void>(), w.bytes(), ctx.stream());
  y.touch();
}

TEST_F(GraphTest, PacksFollowTheWeightsThatAGraphWrites) {
  if (!on_gpu()) GTEST_SKIP() << "no GPU";
  const Tensor w = Tensor::full(context, {4}, 1), y = Tensor::zeros(context, {4}), seen = Tensor::zeros(context, {4});
  Graph reader(context, [&] { packed_copy(w, seen); });
  Graph writer(context, [&] {
    packed_copy(w, y);
    w.copy_from(w + 1.0);
  });
  for (int step = 1; step < 6; step++) {
    writer();
    EXPECT_EQ(writer.launched(), step > 1);
    EXPECT_EQ(y.to_vector()[0], static_cast<float>(step));
    packed_copy(w, seen);  // leaves a pack in the cache
    EXPECT_EQ(seen.to_vector()[0], static_cast<float>(step + 1));
    reader();
    EXPECT_EQ(seen.to_vector()[0], static_cast<float>(step + 1));
  }
  for (int call = 0; call < 3; call++) {
    seen.copy_from(y);
    reader();
    EXPECT_EQ(seen.to_vector()[0], 6.f);
  }
  EXPECT_TRUE(reader.launched());
  w.write(Floats(4, 9).data());
  w.touch();
  reader();
  EXPECT_EQ(seen.to_vector()[0], 9.f);
}

TEST_F(GraphTest, AClockMakesEveryDrawNew) {
  const Tensor clock = Tensor::zeros(context, {1});
  Tensor drawn;
  Graph graph(context, [&] {
    drawn = Tensor::randn(context, {9}, 5, 1, DType::f32, &clock);
    clock.copy_from(clock + 1.0);
  });
  for (int step = 0; step < 4; step++) {
    const Tensor at = Tensor::full(eager, {1}, step);
    graph();
    EXPECT_EQ(drawn.to_vector(), Tensor::randn(eager, {9}, 5, 1, DType::f32, &at).to_vector()) << step;
  }
}

TEST_F(GraphTest, ReadingBackIsAnErrorThatNamesTheTensor) {
  if (!on_gpu()) GTEST_SKIP() << "no GPU";
  const Tensor x = Tensor::full(context, {2, 3}, 2);
  const auto refusal = [&](const std::function<void()>& work) {
    Graph graph(context, work);
    graph();
    return message_of<NotCapturable>(graph);
  };
  EXPECT_EQ(refusal([&] { static_cast<void>(sum(x).item()); }),
            "reading a tensor []: copying from the GPU cannot be part of a captured graph");
  EXPECT_EQ(refusal([&] { x.write(Floats(6, 2).data()); }),
            "writing a tensor [2,3]: copying to the GPU cannot be part of a captured graph");
  EXPECT_EQ(refusal([&] { context->synchronize(); }), "waiting for the GPU cannot be part of a captured graph");
  EXPECT_EQ(sum(x).item(), 12) << "the context is as before";
}

TEST_F(GraphTest, ResultsOutliveTheGraph) {
  const Tensor x = Tensor::full(context, {1000}, 2);
  Tensor y;
  {
    Graph graph(context, [&] { y = square(x) + square(x + 1.0); });
    for (int i = 0; i < 3; i++) graph();
  }
  const Tensor more[] = {square(x), square(x), square(x)};
  EXPECT_EQ(y.to_vector(), Floats(1000, 13));
}

TEST_F(GraphTest, ProfilesAndOuterGraphsCallTheWork) {
  const Tensor x = Tensor::full(context, {3}, 2);
  Tensor y;
  int calls = 0;
  Graph inner(context, [&] { y = square(x), calls++; });
  Graph outer(context, [&] { inner(); });
  for (int i = 0; i < 3; i++) outer();
  EXPECT_EQ(calls, on_gpu() ? 2 : 3);
  std::vector<Timing> timings;
  context->profile = &timings;
  outer();
  context->profile = nullptr;
  EXPECT_EQ(timings.size(), 1u);
  x.copy_from(x + 1.0);
  for (int i = 0; i < 3; i++) outer();
  EXPECT_EQ(y.to_vector(), Floats(3, 9));
}

}  // namespace
}  // namespace sumi::test
