#include "tests/tensor/gradcheck.h"

#include <cmath>
#include <random>

namespace sumi::test {
namespace {

constexpr double kStep = 1e-6, kAbsolute = 1e-5, kRelative = 1e-3;

double dot(const Tensor& a, const Tensor& b) {
  if (!a) return 0;
  const auto va = doubles(a), vb = doubles(b);
  double sum = 0;
  for (std::size_t i = 0; i < va.size(); i++) sum += va[i] * vb[i];
  return sum;
}

std::vector<Tensor> draw_inputs(const GradientCase& c, unsigned seed) {
  std::vector<Tensor> inputs;
  for (const Shape& s : c.shapes)
    inputs.push_back(random_tensor(s, seed * 100 + static_cast<unsigned>(inputs.size()), c.values));
  for (Tensor& t : inputs) t.set_requires_grad();
  return inputs;
}

/// Moves each element of `at` both ways and compares the change of `value` with `gradient`.
void compare_differences(const Tensor& at, const Tensor& gradient, const std::function<double()>& value,
                         const std::string& what) {
  const std::vector<double> expected =
      gradient ? doubles(gradient) : std::vector<double>(static_cast<std::size_t>(at.numel()), 0.0);
  auto* x = at.data<double>();
  for (std::size_t i = 0; i < expected.size(); i++) {
    const double before = x[i];
    const auto moved = [&](double to) {
      x[i] = to;
      at.touch();
      return value();
    };
    const double difference = (moved(before + kStep) - moved(before - kStep)) / (2 * kStep);
    x[i] = before;
    ASSERT_NEAR(expected[i], difference, kAbsolute + kRelative * std::abs(difference))
        << what << ", element " << i << " of " << at.shape();
  }
}

/// sum_i u_i . g_i, recorded.
Tensor project(const Gradients& g, const std::vector<Tensor>& u) {
  Tensor total;
  for (std::size_t i = 0; i < g.size(); i++) {
    if (!g[i]) continue;
    const Tensor part = sum(g[i] * u[i]);
    total = total ? total + part : part;
  }
  return total;
}

struct RegisteredTest : testing::Test {
  explicit RegisteredTest(std::function<void()> f) : body(std::move(f)) {}
  void TestBody() override { body(); }
  std::function<void()> body;
};

}  // namespace

ContextPtr test_context() {
  static const ContextPtr context = std::make_shared<Context>(ContextOptions{.threads = 1});
  return context;
}

Tensor random_tensor(const Shape& shape, unsigned seed, Values values, DType dtype) {
  std::mt19937 rng(seed + 1);
  std::normal_distribution<double> normal;
  std::vector<float> data(static_cast<std::size_t>(shape.numel()));
  for (float& v : data) {
    const double g = normal(rng);
    v = static_cast<float>(values == Values::positive ? std::abs(g) + 0.5 : g);
  }
  return Tensor::from(test_context(), shape, data, dtype);
}

std::vector<double> doubles(const Tensor& t) {
  std::vector<double> out(static_cast<std::size_t>(t.numel()));
  visit_float(t.dtype(), [&](auto type) {
    for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<double>(t.data<decltype(type)>()[i]);
  });
  return out;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  const auto va = doubles(a), vb = doubles(b);
  double largest = 0;
  for (std::size_t i = 0; i < va.size(); i++) {
    const double d = std::abs(va[i] - vb[i]);
    if (!(d <= largest)) largest = d;  // a NaN stays
  }
  return largest;
}

void check_first_order(const GradientCase& c, unsigned seed) {
  const std::vector<Tensor> inputs = draw_inputs(c, seed);
  const Tensor y = c.f(inputs), v = random_tensor(y.shape(), seed + 50);
  const Gradients gradients = grad(y, inputs, false, v);
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); i++) {
    const auto value = [&] {
      const NoGrad off(*test_context());
      return dot(c.f(inputs), v);
    };
    compare_differences(inputs[i], gradients[i], value, concat("input ", i));
    if (testing::Test::HasFatalFailure()) return;
    std::vector<Tensor> alone;
    for (std::size_t k = 0; k < inputs.size(); k++) alone.push_back(k == i ? inputs[k] : inputs[k].detach());
    const Gradients one = grad(c.f(alone), std::span(&alone[i], 1), false, v);
    ASSERT_EQ(static_cast<bool>(one[0]), static_cast<bool>(gradients[i]));
    if (!one[0]) continue;
    EXPECT_LE(largest_difference(one[0], gradients[i]), 1e-12) << "input " << i << " alone";
    for (const double g : doubles(one[0])) any |= g != 0;
  }
  EXPECT_TRUE(any) << "every gradient is zero";
}

void check_second_order(const GradientCase& c, unsigned seed) {
  const std::vector<Tensor> inputs = draw_inputs(c, seed);
  const Tensor y = c.f(inputs);
  Tensor v = random_tensor(y.shape(), seed + 50);
  v.set_requires_grad();
  const Gradients composed = grad(y, inputs, true, v), fused = grad(y, inputs, false, v.detach());
  std::vector<Tensor> u, all = inputs;
  for (std::size_t i = 0; i < inputs.size(); i++) {
    u.push_back(random_tensor(inputs[i].shape(), seed + 60 + static_cast<unsigned>(i)));
    ASSERT_EQ(static_cast<bool>(composed[i]), static_cast<bool>(fused[i]));
    if (!fused[i]) continue;
    EXPECT_LE(largest_difference(composed[i], fused[i]), 1e-9) << "composed and fused, input " << i;
  }
  all.push_back(v);
  const Tensor projected = project(composed, u);
  ASSERT_TRUE(projected && projected.requires_grad());
  const Gradients second = grad(projected, all);
  const auto value = [&] {
    const Gradients g = grad(c.f(inputs), inputs, false, v.detach());
    double total = 0;
    for (std::size_t i = 0; i < g.size(); i++) total += dot(g[i], u[i]);
    return total;
  };
  for (std::size_t i = 0; i < all.size(); i++) {
    compare_differences(all[i], second[i], value, i < inputs.size() ? concat("input ", i) : std::string("dy"));
    if (testing::Test::HasFatalFailure()) return;
  }
}

bool register_gradient_tests(const std::string& suite, const std::vector<GradientCase>& cases) {
  const auto add = [&](const std::string& name, std::function<void()> body) {
    const auto leak_free = [body] {
      const std::size_t before = test_context()->pool().bytes_in_use();
      body();
      EXPECT_EQ(test_context()->pool().bytes_in_use(), before) << "memory leaked";
    };
    testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [leak_free]() -> testing::Test* { return new RegisteredTest(leak_free); });
  };
  for (const GradientCase& c : cases)
    for (unsigned seed = 1; seed <= 3; seed++) {
      add(concat(c.name, '_', seed), [=] { check_first_order(c, seed); });
      if (c.order == 2) add(concat(c.name, "_second_", seed), [=] { check_second_order(c, seed); });
    }
  return true;
}

}  // namespace sumi::test
