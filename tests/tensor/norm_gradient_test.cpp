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

/// Statistics that a convolution took at the store: its gradients flow through them as if the norm had taken them.
std::vector<GradientCase> given_cases() {
  const NormOptions kinds[] = {{.kind = NormKind::instance, .act = Map::relu},
                               {.kind = NormKind::batch, .act = Map::tanh},
                               {.kind = NormKind::group, .groups = 2},
                               {.kind = NormKind::layer}};
  const Shape x{2, 3, 4, 2}, w{4, 3, 3, 2}, up{2, 3, 3, 4}, c{4};
  std::vector<GradientCase> cases;
  for (const NormOptions& o : kinds) {
    const auto normed = [o](const Tensor& y, const Moments& m, const In& t) {
      return norm(y, merge_channels(m, o.kind, o.groups), t[2], t[3], o);
    };
    cases.push_back({concat("after_conv2d_", static_cast<int>(o.kind)), {x, w, c, c}, [=](const In& t) {
                       Moments m;
                       const Tensor y = conv2d(t[0], t[1], {}, {.pad = Pad4::all(1)}, &m);
                       return normed(y, m, t);
                     }});
    cases.push_back({concat("after_conv_transpose2d_", static_cast<int>(o.kind)), {x, up, c, c}, [=](const In& t) {
                       Moments m;
                       const Tensor y = conv_transpose2d(t[0], t[1], {}, {.stride = 2, .pad = Pad4::all(1)}, &m);
                       return normed(y, m, t);
                     }});
  }
  return cases;
}

const bool kNorm = register_gradient_tests("NormGradient", norm_cases());
const bool kFrozen = register_gradient_tests("NormGradient", frozen_cases());
const bool kGiven = register_gradient_tests("NormGradient", given_cases());

/// The activation's gradient costs no pass of its own, and no output is kept for it.
TEST(FusedNorm, BackwardIsOneKernel) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  const Shape shape{2, 16, 16, 8};
  Tensor x = Tensor::randn(context, shape, 1), w = Tensor::full(context, {8}, 2), b = Tensor::full(context, {8}, 0.5);
  for (Tensor* t : {&x, &w, &b}) t->set_requires_grad();
  for (const Map act : {Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid}) {
    const std::size_t before = context->pool().bytes_in_use();
    const Tensor total = sum(norm(x, w, b, {.act = act, .a = 0.2}));
    EXPECT_LT(context->pool().bytes_in_use(), before + static_cast<std::size_t>(shape.numel()) * sizeof(float));
    std::vector<Timing> timings;
    context->profile = &timings;
    const Tensor inputs[] = {x, w, b};
    grad(total, inputs);
    context->profile = nullptr;
    std::string ops;
    for (const Timing& t : timings)
      if (t.op != Binary::op) ops += concat(t.op, ' ');  // the sum's gradient is repeated by an addition
    EXPECT_EQ(ops, "norm_backward ") << name_of(act);
  }
}

TEST(MergeChannels, GivesTheStatisticsOfTheWhole) {
  const Tensor x = random_tensor({3, 4, 5, 6}, 7) + 100;
  const Moments channels = moments(x, NormKind::instance);
  for (const auto& [kind, groups] :
       {std::pair{NormKind::instance, 1}, {NormKind::batch, 1}, {NormKind::group, 3}, {NormKind::layer, 1}}) {
    const Moments got = merge_channels(channels, kind, groups), want = moments(x, kind, groups);
    EXPECT_LE(largest_difference(got.mean, want.mean), 1e-11);
    EXPECT_LE(largest_difference(got.var, want.var), 1e-11);
  }
}

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
