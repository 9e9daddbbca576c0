#include "kernels/cast/cases.h"
#include "tests/kernels/rows.h"
#include "tests/simt/device_vector.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Cast>(DeviceKind::cuda);

/// What the bound of the row tests, one level, does not see.
TEST(CastOnTheGpu, BytesAreRoundedToEvenAndClamped) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-3, 0.5f, 1.5f, 2.5f, 254.5f, 254.6f, 255.4f, 300, nan, inf, -inf, 0.49999997f};
  const std::vector<std::uint8_t> want{0, 0, 2, 2, 254, 255, 255, 255, 0, 255, 0, 0};
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const DeviceVector in(ctx, x);
  const DeviceVector out(ctx, std::vector<std::uint8_t>(x.size()));
  run(Cast{.n = 12, .x = in.ref(), .y = out.ref()}, ctx);
  EXPECT_EQ(out.host(), want);
}

/// Every bit of f16 and bf16 arrives, signed zeros and subnormals too; NaN stays NaN.
template <class T>
void round_trip() {
  std::vector<T> x(65536);
  for (std::size_t i = 0; i < x.size(); i++) x[i].bits = static_cast<std::uint16_t>(i);
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const DeviceVector in(ctx, x), out(ctx, x);
  const DeviceVector wide(ctx, std::vector<float>(x.size()));
  run(Cast{.n = 65536, .x = in.ref(), .y = wide.ref()}, ctx);
  run(Cast{.n = 65536, .x = wide.ref(), .y = out.ref()}, ctx);
  const auto y = out.host();
  for (std::size_t i = 0; i < x.size(); i++)
    if (std::isnan(static_cast<float>(x[i])))
      ASSERT_TRUE(std::isnan(static_cast<float>(y[i]))) << i;
    else
      ASSERT_EQ(y[i].bits, i);
}
TEST(CastOnTheGpu, HalfRoundTrip) { round_trip<Half>(); }
TEST(CastOnTheGpu, BFloat16RoundTrip) { round_trip<BFloat16>(); }

}  // namespace
}  // namespace sumi::test
