// Gradients of normalisation, and of a critic's gradient penalty.
#include <cmath>

#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

using In = std::vector<Tensor>;

std::vector<GradientCase> norm_cases() {
  const std::pair<std::string_view, NormOptions> kinds[] = {{"batch", {.kind = NormKind::batch}},
                                                            {"instance", {.kind = NormKind::instance}},
                                                            {"group", {.kind = NormKind::group, .groups = 2}},
                                                            {"layer", {.kind = NormKind::layer, .eps = 1e-3}}};
  const Shape x{2, 3, 2, 4}, c{4};
  std::vector<GradientCase> cases;
  for (const auto& [name, kind] : kinds) {
    cases.push_back({concat(name, "_plain"), {x}, [o = kind](const In& t) { return norm(t[0], {}, {}, o); }});
    for (const Map act : {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid}) {
      NormOptions o = kind;
      o.act = act, o.a = 0.2;
      cases.push_back(
          {concat(name, '_', name_of(act)), {x, c, c}, [o](const In& t) { return norm(t[0], t[1], t[2], o); }});
    }
  }
  cases.push_back({"batch_vectors", {{5, 3}, {3}, {3}}, [](const In& t) {
                     return norm(t[0], t[1], t[2], {.kind = NormKind::batch});
                   }});
  cases.push_back({"layer_vectors", {{3, 5}, {5}, {5}}, [](const In& t) {
                     return norm(t[0], t[1], t[2], {.kind = NormKind::layer});
                   }});
  return cases;
}

std::vector<GradientCase> frozen_cases() {
  std::vector<GradientCase> cases;
  const Tensor mean = random_tensor({3}, 91), var = random_tensor({3}, 92, Values::positive);
  for (const Map act : {Map::identity, Map::leaky_relu, Map::tanh}) {
    const NormOptions o{.kind = NormKind::batch, .act = act, .a = 0.1};
    cases.push_back({concat("frozen_", name_of(act)), {{2, 2, 3, 3}, {3}, {3}}, [=](const In& t) {
                       return norm_with(t[0], mean, var, t[1], t[2], o);
                     }});
    cases.push_back({concat("frozen_plain_", name_of(act)), {{4, 3}}, [=](const In& t) {
                       return norm_with(t[0], mean, var, {}, {}, o);
                     }});
  }
  return cases;
}

const bool kNorm = register_gradient_tests("NormGradient", norm_cases());
const bool kFrozen = register_gradient_tests("NormGradient", frozen_cases());

/// A critic of two convolutions: inputs x, w1, b1, norm weight and bias, w2.
Tensor critic(const Tensor& x, const In& p) {
  const Tensor a = conv2d(x, p[0], p[1], {.stride = 2, .pad = Pad4::all(1), .act = Map::leaky_relu, .a = 0.2});
  const Tensor b = leaky_relu(norm(a, p[2], p[3], {.kind = NormKind::layer}), 0.2);
  return sum(conv2d(b, p[4], {}), {1, 2, 3});
}

/// mean over images of (|d critic / dx| - 1)^2: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017.
Tensor penalty(const Tensor& x, const In& p, bool create_graph) {
  const Tensor inputs[] = {x};
  const Tensor y = critic(x, p);
  const Tensor ones = Tensor::full(x.context(), y.shape(), 1, x.dtype());
  const Gradients g = grad(y, inputs, create_graph, ones);
  const Tensor length = sqrt(sum(square(g[0]), {1, 2, 3}));
  return mean(square(length - 1));
}

TEST(GradientPenalty, MatchesDifferences) {
  Tensor x = random_tensor({2, 5, 4, 3}, 1);
  x.set_requires_grad();
  In p{random_tensor({4, 3, 3, 3}, 2), random_tensor({4}, 3), random_tensor({4}, 4), random_tensor({4}, 5),
       random_tensor({2, 2, 2, 4}, 6)};
  for (Tensor& t : p) t.set_requires_grad();
  backward(penalty(x, p, true));
  for (const Tensor& t : p) {
    auto* w = t.data<double>();
    for (std::int64_t i = 0; i < t.numel(); i++) {
      const double before = w[i];
      const auto at = [&](double v) {
        w[i] = v;
        return doubles(penalty(x, p, false))[0];
      };
      const double difference = (at(before + 1e-6) - at(before - 1e-6)) / 2e-6;
      w[i] = before;
      const double expected = t.grad() ? doubles(t.grad())[static_cast<std::size_t>(i)] : 0;
      ASSERT_NEAR(expected, difference, 1e-5 + 1e-3 * std::abs(difference)) << t.shape() << ' ' << i;
    }
  }
  EXPECT_TRUE(p[0].grad() && p[4].grad());
}

}  // namespace
}  // namespace sumi::test
