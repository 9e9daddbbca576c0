#include "kernels/map/map.h"

#include <limits>

#include "kernels/map/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<MapForward, MapBackward>();

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

/// f over x in place, by the row that would be chosen.
std::vector<float> mapped(Map f, std::vector<float> x, double a = 1) {
  Context ctx;
  MapForward m{.f = f, .a = a, .n = static_cast<std::int64_t>(x.size())};
  m.x = m.y = {x.data()};
  run(m, ctx);
  return x;
}

/// The distance in representable numbers.
std::int64_t ulps(float a, float b) {
  const auto place = [](float v) {
    const auto bits = std::bit_cast<std::int32_t>(v);
    return bits < 0 ? std::int64_t{std::numeric_limits<std::int32_t>::min()} - bits : std::int64_t{bits};
  };
  return std::abs(place(a) - place(b));
}

std::vector<float> sweep(float from, float to, std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; i++) x[i] = from + (to - from) * static_cast<float>(i) / static_cast<float>(n - 1);
  return x;
}

void expect_ulps(Map f, const std::vector<float>& x, double (*exact)(double), std::int64_t bound) {
  const auto y = mapped(f, x);
  for (std::size_t i = 0; i < x.size(); i++) {
    const auto want = static_cast<float>(exact(x[i]));
    ASSERT_LE(ulps(y[i], want), bound) << name_of(f) << '(' << x[i] << ") = " << y[i] << ", exact " << want;
  }
}

TEST(MapAccuracy, Exponential) {
  expect_ulps(
      Map::exp, sweep(-104, 89, 200001), [](double x) { return std::exp(x); }, 2);
}
TEST(MapAccuracy, Logarithm) {
  expect_ulps(
      Map::log, sweep(1e-6f, 4, 100001), [](double x) { return std::log(x); }, 2);
  expect_ulps(
      Map::log, {0x1p-149f, 0x1p-130f, 0x1p-126f, 1, 1e30f, 3.4e38f}, [](double x) { return std::log(x); }, 2);
}
TEST(MapAccuracy, HyperbolicTangent) {
  expect_ulps(
      Map::tanh, sweep(-12, 12, 200001), [](double x) { return std::tanh(x); }, 3);
}
TEST(MapAccuracy, Sigmoid) {
  expect_ulps(
      Map::sigmoid, sweep(-80, 80, 100001), [](double x) { return 1 / (1 + std::exp(-x)); }, 4);
}
TEST(MapAccuracy, Softplus) {
  const auto x = sweep(-20, 20, 100001), y = mapped(Map::softplus, x);
  for (std::size_t i = 0; i < x.size(); i++) {
    const double want = std::log1p(std::exp(static_cast<double>(x[i])));
    ASSERT_NEAR(y[i], want, 3e-7 * want) << x[i];
  }
}

TEST(MapClosedForm, SpecialValues) {
  const std::vector<float> x{kInf, -kInf, 0};
  EXPECT_EQ(mapped(Map::exp, x), (std::vector<float>{kInf, 0, 1}));
  EXPECT_EQ(mapped(Map::tanh, x), (std::vector<float>{1, -1, 0}));
  EXPECT_EQ(mapped(Map::sigmoid, x), (std::vector<float>{1, 0, 0.5f}));
  EXPECT_EQ(mapped(Map::relu, x), (std::vector<float>{kInf, 0, 0}));
  EXPECT_EQ(mapped(Map::log, {kInf, 0, 1}), (std::vector<float>{kInf, -kInf, 0}));
  EXPECT_EQ(mapped(Map::elu, {-kInf, 3, 0}), (std::vector<float>{-1, 3, 0}));
  EXPECT_TRUE(std::isnan(mapped(Map::log, {-1})[0]));
}

TEST(MapClosedForm, NanPasses) {
  for (const Map f : {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid, Map::abs, Map::square,
                      Map::sqrt, Map::exp, Map::log, Map::softplus, Map::elu, Map::selu, Map::scale})
    for (const float v : mapped(f, std::vector<float>(35, kNan))) EXPECT_TRUE(std::isnan(v)) << name_of(f);
}

TEST(MapClosedForm, Activations) {
  EXPECT_EQ(mapped(Map::leaky_relu, {-2, 0, 3}, 0.5), (std::vector<float>{-1, 0, 3}));
  EXPECT_EQ(mapped(Map::step, {-2, 0, 3}), (std::vector<float>{0, 0, 1}));
  EXPECT_EQ(mapped(Map::sign, {-2, 0, 3}), (std::vector<float>{-1, 0, 1}));
  EXPECT_EQ(mapped(Map::rsqrt, {4, 0.25f, 1}), (std::vector<float>{0.5f, 2, 1}));
}

/// The engine masks a gradient where it stands.
TEST(MapClosedForm, BackwardRunsInPlaceInEveryRow) {
  for (const Variant<MapBackward>& row : cpu_rows<MapBackward>()) {
    Context ctx;
    std::vector<float> x, dy, want;
    for (int i = 0; i < 40000; i++) {
      x.push_back(static_cast<float>(i % 5 - 2)), dy.push_back(static_cast<float>(i));
      want.push_back(x.back() > 0 ? dy.back() : 0);
    }
    MapBackward m{.f = Map::relu, .n = 40000, .x = {x.data()}};
    m.dy = m.dx = {dy.data()};
    if (!row.supports(m, ctx.device())) continue;
    row.run(m, ctx);
    EXPECT_EQ(dy, want) << row.name;
  }
}

}  // namespace
}  // namespace sumi::test
