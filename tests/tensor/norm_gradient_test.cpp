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
      return apply(norm_pending(y, t[2], t[3], o, &m));
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

/// Norm, residual, repeated pixels and padding as one op; what mixes pixels, and what crops, is an op of its own behind
/// it.
std::vector<GradientCase> applied_cases() {
  const std::pair<std::string_view, ApplyOptions> after[] = {
      {"", {}},
      {"reflect", {.pad = {1, 2, 2, 3}, .pad_mode = PadMode::reflect}},
      {"replicate", {.pad = {4, 0, 1, 2}, .pad_mode = PadMode::replicate}},
      {"zero", {.pad = {1, 0, 2, 1}}},
      {"crop", {.pad = {-1, 0, 2, -1}}},
      {"nearest", {.upsample = Upsample::nearest2}},
      {"nearest_zero", {.upsample = Upsample::nearest2, .pad = {1, 0, 2, 1}}},
      {"nearest_reflect", {.upsample = Upsample::nearest2, .pad = {1, 5, 3, 2}, .pad_mode = PadMode::reflect}},
      {"nearest_replicate", {.upsample = Upsample::nearest2, .pad = {3, 0, 1, 2}, .pad_mode = PadMode::replicate}},
      {"bilinear", {.upsample = Upsample::bilinear2}}};
  const NormOptions kinds[] = {
      {.act = Map::relu}, {.kind = NormKind::batch, .act = Map::tanh}, {.kind = NormKind::layer}};
  const Shape x{2, 3, 4, 2}, c{2};
  std::vector<GradientCase> cases;
  for (const auto& [name, o] : after)
    for (const NormOptions& kind : kinds) {
      const std::string called = concat("applied_", name, '_', static_cast<int>(kind.kind));
      cases.push_back({called, {x, c, c}, [=](const In& t) { return apply(norm_pending(t[0], t[1], t[2], kind), o); }});
      cases.push_back({called + "_residual", {x, c, c, x}, [=](const In& t) {
                         return apply(plus(norm_pending(t[0], t[1], t[2], kind), t[3]), o);
                       }});
    }
  cases.push_back({"applied_to_its_input", {x, c, c}, [](const In& t) {
                     return apply(plus(norm_pending(t[0], t[1], t[2], {}), t[0]),
                                  {.pad = Pad4::all(1), .pad_mode = PadMode::reflect});
                   }});
  return cases;
}

const bool kNorm = register_gradient_tests("NormGradient", norm_cases());
const bool kFrozen = register_gradient_tests("NormGradient", frozen_cases());
const bool kGiven = register_gradient_tests("NormGradient", given_cases());
const bool kApplied = register_gradient_tests("NormGradient", applied_cases());

/// The ops of a backward pass, but for the addition that repeats a sum's gradient.
std::string backward_ops(const Tensor& y, std::span<const Tensor> inputs) {
  const Tensor dy = Tensor::full(y.context(), y.shape(), 1, y.dtype());
  std::vector<Timing> timings;
  y.ctx().profile = &timings;
  grad(y, inputs, false, dy);
  y.ctx().profile = nullptr;
  std::string ops;
  for (const Timing& t : timings)
    if (t.op != Binary::op) ops += concat(t.op, ' ');
  return ops;
}

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
    const Tensor inputs[] = {x, w, b};
    EXPECT_EQ(backward_ops(total, inputs), "norm_backward ") << name_of(act);
  }
}
/// What enlarges and pads costs no pass of its own, unless no row folds it.
TEST(FusedNorm, ResizesInOneKernel) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  const Pad4 one = Pad4::all(1);
  const std::pair<ApplyOptions, std::string_view> all[] = {
      {{.pad = one, .pad_mode = PadMode::reflect}, "norm_backward "},
      {{.upsample = Upsample::nearest2}, "norm_backward "},
      {{.upsample = Upsample::nearest2, .pad = one, .pad_mode = PadMode::replicate}, "norm_backward "},
      {{.upsample = Upsample::bilinear2}, "resample_backward norm_backward "},
      {{.pad = {-1, 0, 0, 0}}, "pad_backward norm_backward "}};
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16})
    for (const auto& [behind, ops] : all) {
      Tensor x = Tensor::randn(context, {1, 4, 5, 2}, 1, 0, dtype), r = Tensor::randn(context, x.shape(), 2, 0, dtype);
      x.set_requires_grad(), r.set_requires_grad();
      const Tensor inputs[] = {x, r};
      EXPECT_EQ(backward_ops(apply(plus(norm_pending(x, {}, {}, {}), r), behind), inputs), ops) << name_of(dtype);
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
