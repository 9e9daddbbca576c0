#include "nn/optim.h"

#include "nn/lbfgs.h"
#include "nn/schedule.h"
#include "tensor/autograd.h"
#include "tests/golden/golden.h"

namespace sumi {
namespace {

class OptimizersGolden : public testing::Test {
 protected:
  OptimizersGolden() : golden_(test::context(), "optimizers"), p_(golden_.tensor("start").clone()) {
    p_.set_requires_grad();
  }
  /// 0.5 slope p^2 + offset p (+ quartic p^4), summed, with its gradient left in p.
  double bowl(double quartic = 0) {
    p_.set_grad({});
    Tensor f = golden_.tensor("slope") * square(p_) * 0.5 + golden_.tensor("offset") * p_;
    if (quartic != 0) f = f + square(square(p_)) * quartic;
    const Tensor loss = sum(f);
    backward(loss);
    return loss.item();
  }
  test::Golden golden_;
  Tensor p_;
};

TEST_F(OptimizersGolden, TenStepsArePyTorchs) {
  OptimizerOptions decayed = adam(0.02);
  decayed.weight_decay = 0.1;
  const std::pair<std::string, OptimizerOptions> kinds[] = {
      {"sgd", sgd(0.05)},
      {"momentum", sgd(0.05, 0.9, 0.01)},
      {"nesterov", sgd(0.05, 0.9, 0, true)},
      {"adam", adam(0.02, 0.5, 0.999)},
      {"adam_decay", decayed},
      {"adamw", adamw(0.02, 0.9, 0.999, 0.1)},
  };
  for (const auto& [name, options] : kinds) {
    p_.copy_from(golden_.tensor("start"));
    Optimizer optimizer({&p_}, options);
    for (int i = 0; i < 10; i++) {
      bowl();
      optimizer.step();
    }
    test::expect_close(p_.detach(), golden_.tensor(name), 2e-6, name);
  }
}

/// Five steps, saved; five more on a new optimizer: bit for bit the ten.
TEST_F(OptimizersGolden, ResumesExactly) {
  for (const auto& options : {adam(0.02), sgd(0.05, 0.9)}) {
    std::vector<float> straight;
    for (const bool interrupted : {false, true}) {
      p_.copy_from(golden_.tensor("start"));
      auto optimizer = std::make_unique<Optimizer>(std::vector{&p_}, options);
      for (int i = 0; i < 10; i++) {
        if (interrupted && i == 5) {
          StateDict saved;
          for (const auto& [name, t] : optimizer->state()) saved.emplace(name, t.clone());
          optimizer = std::make_unique<Optimizer>(std::vector{&p_}, options);
          optimizer->load_state(saved);
          EXPECT_EQ(optimizer->steps(), 5);
        }
        bowl();
        optimizer->step();
      }
      if (!interrupted) straight = p_.to_vector();
    }
    EXPECT_EQ(p_.to_vector(), straight);
  }
}

TEST_F(OptimizersGolden, LowPrecisionWeightsHaveAMaster) {
  // Steps of 1e-4 are lost on bf16 weights near 1 (spacing 2^-7), and add up on the master.
  const auto c = golden_.context;
  Tensor w = Tensor::full(c, {4}, 1, DType::bf16);
  w.set_requires_grad();
  Optimizer optimizer({&w}, sgd(1e-4));
  for (int i = 0; i < 200; i++) {
    w.set_grad(Tensor::full(c, {4}, 1, DType::bf16));
    optimizer.step();
  }
  EXPECT_NEAR(w.to_vector()[0], 0.98f, 0.004f);
}

/// Weights of 0, -1, -2, ...: in step t, d = min(0.5, (1+t)/(10+t)).
TEST_F(OptimizersGolden, AveragesTrailTheWeights) {
  const auto c = golden_.context;
  Tensor w = Tensor::zeros(c, {1}), average = Tensor::full(c, {1}, 7);
  w.set_requires_grad();
  OptimizerOptions o = sgd(1);
  o.ema_decay = 0.5;
  Optimizer optimizer({&w}, o, {&average});
  EXPECT_EQ(average.item(), 0);
  double want = 0;
  for (int t = 1; t <= 12; t++) {
    w.set_grad(Tensor::full(c, {1}, 1));
    optimizer.step();
    const double d = std::min(0.5, (1.0 + t) / (10 + t));
    want = d * want + (1 - d) * -t;
    EXPECT_NEAR(average.item(), want, 1e-5) << t;
  }
}

TEST_F(OptimizersGolden, LbfgsIsPyTorchs) {
  LbfgsOptions options{.lr = 0.5, .max_iterations = 6, .max_evaluations = 7};
  Lbfgs plain({&p_}, options);
  plain.step([&] { return bowl(0.1); });
  test::expect_close(p_.detach(), golden_.tensor("lbfgs"), 1e-5, "lbfgs");
  p_.copy_from(golden_.tensor("start"));
  options.lr = 1, options.line_search = LineSearch::strong_wolfe;
  Lbfgs wolfe({&p_}, options);
  wolfe.step([&] { return bowl(0.1); });
  test::expect_close(p_.detach(), golden_.tensor("lbfgs_wolfe"), 1e-4, "lbfgs_wolfe");
}

/// (1-x)^2 + 100 (y-x^2)^2 from (-1.2, 1), the classic start.
TEST(Lbfgs, SolvesRosenbrock) {
  const auto c = test::context();
  for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::none}) {
    const std::vector<float> start{-1.2f, 1};
    Tensor x = Tensor::from(c, {1}, {start.data(), 1}), y = Tensor::from(c, {1}, {start.data() + 1, 1});
    x.set_requires_grad(), y.set_requires_grad();
    LbfgsOptions options{.max_iterations = 60, .max_evaluations = 200, .tolerance_change = 0, .line_search = search};
    // Full steps overshoot in the curved valley; short ones get there.
    if (search == LineSearch::none) options.lr = 0.2, options.max_iterations = options.max_evaluations = 400;
    Lbfgs optimizer({&x, &y}, options);
    optimizer.step([&] {
      x.set_grad({}), y.set_grad({});
      const Tensor loss = square(-x + 1.0) + square(y - square(x)) * 100;
      backward(loss);
      return static_cast<double>(loss.item());
    });
    EXPECT_NEAR(x.item(), 1, 2e-3) << static_cast<int>(search);
    EXPECT_NEAR(y.item(), 1, 4e-3) << static_cast<int>(search);
  }
}

TEST(ClipGradNorm, ScalesAllGradientsTogether) {
  const auto c = test::context();
  Tensor a = Tensor::zeros(c, {2}), b = Tensor::zeros(c, {1});
  a.set_requires_grad(), b.set_requires_grad();
  a.set_grad(Tensor::full(c, {2}, 2));
  b.set_grad(Tensor::full(c, {1}, 1));
  Tensor* both[] = {&a, &b};
  EXPECT_NEAR(clip_grad_norm(both, 10).item(), 3, 1e-6);
  EXPECT_EQ(a.grad().values()[0], 2);
  clip_grad_norm(both, 1.5);
  EXPECT_NEAR(a.grad().values()[0], 1, 1e-6);
  EXPECT_NEAR(b.grad().values()[0], 0.5, 1e-6);
  a.set_grad({}), b.set_grad({});
  EXPECT_FALSE(clip_grad_norm(both, 1));
}

TEST(Schedule, GivesTheRatesItNames) {
  const Milestone drops[] = {{0.5, 0.3}, {0.8, 0.1}};
  EXPECT_DOUBLE_EQ(piecewise_rate(1, drops, 49, 100), 1);
  EXPECT_DOUBLE_EQ(piecewise_rate(1, drops, 50, 100), 0.3);
  EXPECT_DOUBLE_EQ(piecewise_rate(1, drops, 99, 100), 0.1);
  EXPECT_DOUBLE_EQ(linear_decay_rate(2, 100, 150, 200), 1);
  EXPECT_DOUBLE_EQ(linear_decay_rate(2, 100, 300, 200), 0);
  EXPECT_DOUBLE_EQ(cosine_rate(1, 0, 10, 4, 110), 0.5);
  EXPECT_NEAR(cosine_rate(1, 0, 10, 60, 110), 0.5, 1e-12);
  EXPECT_NEAR(cosine_rate(1, 0.25, 0, 100, 100), 0.25, 1e-12);
  EXPECT_DOUBLE_EQ(inverse_time_rate(1e-4, 5e-5, 20000), 0.5e-4);
}

}  // namespace
}  // namespace sumi
