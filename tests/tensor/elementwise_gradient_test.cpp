// Gradients of maps, binary ops, reductions, broadcasting, reshape.
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

using In = std::vector<Tensor>;

GradientCase map_case(Map f, double a, Values values, const Shape& shape) {
  std::string name(name_of(f));
  if (a != 0) name += concat('_', static_cast<int>(a * 10));
  for (const auto side : shape) name += concat('_', side);
  for (char& ch : name)
    if (ch == '-') ch = 'm';
  return {name, {shape}, [=](const In& x) { return map(x[0], f, a); }, values};
}

std::vector<GradientCase> map_cases() {
  std::vector<GradientCase> cases;
  for (const Shape& s : {Shape{7}, Shape{2, 3}, Shape{1, 2, 2, 3}}) {
    for (const Map f : {Map::identity, Map::relu, Map::tanh, Map::sigmoid, Map::abs, Map::square, Map::exp, Map::negate,
                        Map::softplus, Map::selu})
      cases.push_back(map_case(f, 0, Values::gaussian, s));
    for (const Map f : {Map::sqrt, Map::rsqrt, Map::log, Map::reciprocal})
      cases.push_back(map_case(f, 0, Values::positive, s));
    for (const double a : {0.2, -0.5}) cases.push_back(map_case(Map::leaky_relu, a, Values::gaussian, s));
    for (const double a : {0.7, 2.0}) cases.push_back(map_case(Map::elu, a, Values::gaussian, s));
    for (const double a : {2.5, 3.0, -1.5}) cases.push_back(map_case(Map::power, a, Values::positive, s));
    for (const double a : {-2.0, 3.0}) cases.push_back(map_case(Map::scale, a, Values::gaussian, s));
    cases.push_back(map_case(Map::shift, 4, Values::gaussian, s));
  }
  return cases;
}

std::vector<GradientCase> binary_cases() {
  using Op = Tensor (*)(const Tensor&, const Tensor&);
  const std::pair<const char*, Op> ops[] = {{"add", add},       {"subtract", subtract}, {"multiply", multiply},
                                            {"divide", divide}, {"maximum", maximum},   {"minimum", minimum}};
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3}, {2, 3}},       {{2, 3}, {3}},    {{3}, {2, 3}}, {{2, 2, 3, 2}, {2, 1, 1, 2}},
      {{2, 1, 3}, {1, 4, 1}}, {{2, 3}, {1, 1}}, {{1}, {2, 2}}};
  std::vector<GradientCase> cases;
  for (const auto& [name, op] : ops) {
    const Values values = op == divide ? Values::positive : Values::gaussian;
    int number = 0;
    for (const auto& [a, b] : shapes)
      cases.push_back({concat(name, '_', ++number), {a, b}, [op = op](const In& x) { return op(x[0], x[1]); }, values});
    const auto reused = [op = op](const In& x) { return op(op(x[0], x[1]), x[0] * x[0]); };
    cases.push_back({concat(name, "_reused"), {{2, 3}, {3}}, reused, Values::positive});
  }
  return cases;
}

std::vector<GradientCase> reduction_cases() {
  const Shape image{2, 3, 2, 4};
  return {
      {"sum_all", {image}, [](const In& x) { return sum(x[0]); }},
      {"sum_of_squares",
       {image},
       [](const In& x) {
         return sum(square(x[0]), {0, 3});
       }},
      {"sum_channels",
       {image},
       [](const In& x) {
         return sum(x[0], {0, 1, 2});
       }},
      {"sum_keep",
       {image},
       [](const In& x) {
         return sum(x[0], {1, 2}, true) * x[0];
       }},
      {"sum_negative_axis", {image}, [](const In& x) { return sum(x[0], {-1}); }},
      {"mean_all", {image}, [](const In& x) { return mean(x[0] * x[0]); }},
      {"mean_pixels",
       {image},
       [](const In& x) {
         return mean(x[0], {1, 2}, true) * x[0];
       }},
      {"mean_first", {{3, 5}}, [](const In& x) { return mean(x[0], {0}); }},
      {"sum_to_vector", {image}, [](const In& x) { return square(sum_to(x[0], {4})); }},
      {"sum_to_inner",
       {image},
       [](const In& x) {
         return square(sum_to(x[0], {2, 1, 2, 1}));
       }},
      {"sum_to_drop_ones", {{1, 1, 4}}, [](const In& x) { return square(sum_to(x[0], {4})); }},
      {"broadcast_scalar",
       {{1}},
       [](const In& x) {
         return square(broadcast_to(x[0], {2, 3}));
       }},
      {"broadcast_channels",
       {{4}},
       [](const In& x) {
         return square(broadcast_to(x[0], {2, 3, 2, 4}));
       }},
      {"broadcast_sides",
       {{2, 1, 3}},
       [](const In& x) {
         return square(broadcast_to(x[0], {2, 2, 4, 3}));
       }},
      {"reshape",
       {image},
       [](const In& x) {
         return square(x[0].reshape({6, 8})).reshape({48}) * x[0].reshape({48});
       }},
  };
}

const bool kMaps = register_gradient_tests("MapGradient", map_cases());
const bool kBinary = register_gradient_tests("BinaryGradient", binary_cases());
const bool kReductions = register_gradient_tests("ReductionGradient", reduction_cases());

TEST(MapGradient, StepAndSignAreFlat) {
  for (const Map f : {Map::step, Map::sign}) {
    Tensor x = random_tensor({5}, 1);
    x.set_requires_grad();
    EXPECT_FALSE(map(x, f).requires_grad()) << name_of(f);
  }
}

TEST(BinaryGradient, TiesGoToTheFirst) {
  Tensor a = Tensor::full(test_context(), {3}, 2), b = a.clone();
  const Tensor leaves[] = {a.set_requires_grad(), b.set_requires_grad()};
  for (const auto op : {maximum, minimum}) {
    const Gradients g = grad(sum(op(a, b)), leaves);
    EXPECT_EQ(g[0].to_vector(), (std::vector<float>{1, 1, 1}));
    EXPECT_EQ(g[1].to_vector(), (std::vector<float>{0, 0, 0}));
  }
}

}  // namespace
}  // namespace sumi::test
