#include "kernels/random/random.h"

#include <algorithm>
#include <numbers>

#include "kernels/random/cases.h"
#include "kernels/random/normal.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<RandomFill>();

/// The known answers that come with the paper's own library.
TEST(Philox, KnownAnswers) {
  constexpr std::uint32_t ones = 0xffffffffu;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxBlock{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (PhiloxBlock{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
            (PhiloxBlock{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

std::vector<float> filled(const Variant<RandomFill>& row, Distribution d, std::int64_t n, int threads) {
  std::vector<float> y(static_cast<std::size_t>(n));
  RandomFill a{.distribution = d, .low = 0, .high = 1, .seed = 11, .stream = 3, .step = 4, .n = n, .y = {y.data()}};
  Context ctx(ContextOptions{.threads = threads});
  row.run(a, ctx);
  return y;
}

TEST(RandomFillRows, GiveTheSameBits) {
  for (const Distribution d : {Distribution::uniform, Distribution::normal}) {
    const auto want = filled(RandomFill::table().back(), d, 100003, 1);
    for (const auto& row : cpu_rows<RandomFill>())
      for (const int threads : {1, 2, 3}) EXPECT_EQ(filled(row, d, 100003, threads), want) << row.name;
  }
}

TEST(RandomFillRows, AClockStandsForTheStep) {
  Context ctx;
  for (const auto& row : cpu_rows<RandomFill>()) {
    float clock = 70000, by_clock[9], by_step[9];
    row.run({.seed = 3, .step = 1, .n = 9, .clock = {&clock}, .y = {by_clock}}, ctx);
    row.run({.seed = 3, .step = 70000, .n = 9, .y = {by_step}}, ctx);
    EXPECT_TRUE(std::ranges::equal(by_clock, by_step)) << row.name;
  }
}

TEST(RandomFillStatistics, Uniform) {
  auto y = filled(cpu_rows<RandomFill>().front(), Distribution::uniform, 1 << 18, 2);
  std::sort(y.begin(), y.end());
  EXPECT_GE(y.front(), 0);
  EXPECT_LT(y.back(), 1);
  double distance = 0;  // Kolmogorov & Smirnov's; 1.95 / sqrt(n) is exceeded once in a thousand seeds
  for (std::size_t i = 0; i < y.size(); i++)
    distance = std::max(distance, std::abs(y[i] - (static_cast<double>(i) + 0.5) / static_cast<double>(y.size())));
  EXPECT_LT(distance, 1.95 / 512);
}

TEST(RandomFillStatistics, NormalMoments) {
  const auto y = filled(cpu_rows<RandomFill>().front(), Distribution::normal, 1 << 18, 2);
  double sum = 0, square = 0, fourth = 0, neighbours = 0, last = 0;
  for (const double v : y) sum += v, square += v * v, fourth += v * v * v * v, neighbours += v * last, last = v;
  const auto n = static_cast<double>(y.size());
  EXPECT_NEAR(sum / n, 0, 4 / 512.0);
  EXPECT_NEAR(square / n, 1, 4 * std::sqrt(2) / 512);
  EXPECT_NEAR(fourth / n, 3, 4 * std::sqrt(96) / 512);
  EXPECT_NEAR(neighbours / n, 0, 4 / 512.0);
}

TEST(NormalPair, FollowsBoxAndMuller) {
  for (std::uint32_t i = 0; i < 200000; i++) {
    const PhiloxBlock w = philox_at(1, 0, 0, i);
    const double u = std::min(1.0, static_cast<double>(static_cast<float>(w[0])) * 0x1p-32 + 0x1p-33);
    const double radius = std::sqrt(-2 * std::log(static_cast<double>(static_cast<float>(u))));
    const double angle = static_cast<double>(w[1]) * 0x1p-31 * std::numbers::pi;
    const NormalPair p = normal_pair(w[0], w[1]);
    ASSERT_NEAR(p.first, radius * std::cos(angle), 2e-6) << i;
    ASSERT_NEAR(p.second, radius * std::sin(angle), 2e-6) << i;
  }
}

}  // namespace
}  // namespace sumi::test
