#include "kernels/cast/cast.h"

#include "kernels/cast/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Cast>();

template <class X, class Y>
std::vector<Y> converted(const Variant<Cast>& row, std::vector<X> x, double scale = 1, double shift = 0) {
  std::vector<Y> y(x.size());
  Cast c{.n = static_cast<std::int64_t>(x.size()), .scale = scale, .shift = shift};
  c.x = {x.data(), dtype_of<X>}, c.y = {y.data(), dtype_of<Y>};
  Context ctx;
  row.run(c, ctx);
  return y;
}

/// Every 16-bit pattern widened and narrowed again comes back; NaNs stay NaN.
template <class T>
void round_trip() {
  std::vector<T> x(65536);
  for (std::size_t i = 0; i < x.size(); i++) x[i].bits = static_cast<std::uint16_t>(i);
  for (const auto& row : cpu_rows<Cast>()) {
    const auto wide = converted<T, float>(row, x);
    const auto narrow = converted<float, T>(row, wide);
    for (std::size_t i = 0; i < x.size(); i++) {
      const float v = x[i];
      if (std::isnan(v)) {
        ASSERT_TRUE(std::isnan(wide[i]) && std::isnan(static_cast<float>(narrow[i]))) << row.name << ' ' << i;
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(wide[i]), std::bit_cast<std::uint32_t>(v)) << row.name << ' ' << i;
        ASSERT_EQ(narrow[i].bits, i) << row.name;
      }
    }
  }
}
TEST(CastExhaustive, HalfRoundTrip) { round_trip<Half>(); }
TEST(CastExhaustive, BFloat16RoundTrip) { round_trip<BFloat16>(); }

/// Between every pair of neighbours: the midpoint goes to the even one, a hair off it to the nearer one.
template <class T>
void rounding() {
  std::vector<float> x;
  std::vector<std::uint16_t> want;
  constexpr bool kIsHalf = std::is_same_v<T, Half>;
  for (std::uint32_t i = 0; i + 1 < (kIsHalf ? 0x7c00u : 0x7f80u); i++) {
    T low, high;
    low.bits = static_cast<std::uint16_t>(i), high.bits = static_cast<std::uint16_t>(i + 1);
    const double a = static_cast<float>(low), b = static_cast<float>(high);
    const auto middle = static_cast<float>((a + b) / 2);
    for (const float sign : {1.f, -1.f}) {
      const auto bit = static_cast<std::uint16_t>(sign < 0 ? 0x8000 : 0);
      x.push_back(sign * middle), want.push_back(static_cast<std::uint16_t>((i + (i & 1)) | bit));
      x.push_back(sign * std::nextafter(middle, 0.f)), want.push_back(static_cast<std::uint16_t>(i | bit));
      x.push_back(sign * std::nextafter(middle, 3.4e38f)), want.push_back(static_cast<std::uint16_t>((i + 1) | bit));
    }
  }
  for (const auto& row : cpu_rows<Cast>()) {
    const auto y = converted<float, T>(row, x);
    for (std::size_t i = 0; i < x.size(); i++) ASSERT_EQ(y[i].bits, want[i]) << row.name << ' ' << x[i];
  }
}
TEST(CastExhaustive, HalfRounding) { rounding<Half>(); }
TEST(CastExhaustive, BFloat16Rounding) { rounding<BFloat16>(); }

TEST(CastClosedForm, OverflowGivesInfinity) {
  for (const auto& row : cpu_rows<Cast>()) {
    const auto y = converted<float, Half>(row, {65519.f, 65520.f, 1e30f, -1e30f});
    EXPECT_EQ(y[0].bits, 0x7bff) << row.name;
    EXPECT_EQ(y[1].bits, 0x7c00) << row.name;
    EXPECT_EQ(y[2].bits, 0x7c00) << row.name;
    EXPECT_EQ(y[3].bits, 0xfc00) << row.name;
  }
}

TEST(CastClosedForm, BytesAreRoundedToEvenAndClamped) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-3, 0.5f, 1.5f, 2.5f, 254.5f, 254.6f, 255.4f, 300, nan, inf, -inf, 0.49999997f};
  const std::vector<std::uint8_t> want{0, 0, 2, 2, 254, 255, 255, 255, 0, 255, 0, 0};
  for (const auto& row : cpu_rows<Cast>()) EXPECT_EQ((converted<float, std::uint8_t>(row, x)), want) << row.name;
}

/// A picture to [-1, 1] and back, for all 256 levels.
TEST(CastClosedForm, PicturesComeBack) {
  std::vector<std::uint8_t> levels(256);
  for (std::size_t i = 0; i < 256; i++) levels[i] = static_cast<std::uint8_t>(i);
  for (const auto& row : cpu_rows<Cast>()) {
    const auto x = converted<std::uint8_t, float>(row, levels, 1 / 127.5, -1);
    EXPECT_NEAR(x[0], -1, 1e-7);
    EXPECT_NEAR(x[255], 1, 1e-6);
    EXPECT_EQ((converted<float, std::uint8_t>(row, x, 127.5, 127.5)), levels) << row.name;
  }
}

TEST(CastClosedForm, DoubleKeepsItsDigits) {
  const auto y = converted<double, double>(Cast::table().back(), {0.1, 1e300}, 3, 0);
  EXPECT_EQ(y, (std::vector<double>{0.1 * 3, 1e300 * 3}));
}

}  // namespace
}  // namespace sumi::test
