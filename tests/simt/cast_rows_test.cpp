#include "kernels/cast/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Cast>(DeviceKind::cuda);

/// What the bound of the row tests, one level, does not see.
TEST(CastOnTheGpu, BytesAreRoundedToEvenAndClamped) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-3, 0.5f, 1.5f, 2.5f, 254.5f, 254.6f, 255.4f, 300, nan, inf, -inf, 0.49999997f};
  const std::vector<std::uint8_t> want{0, 0, 2, 2, 254, 255, 255, 255, 0, 255, 0, 0};
  std::vector<std::uint8_t> y(x.size());
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const Scratch in = ctx.scratch(x.size() * sizeof(float)), out = ctx.scratch(y.size());
  device::copy_to_device(in.as<void>(), x.data(), x.size() * sizeof(float), ctx.stream());
  run(Cast{.n = 12, .x = {in.as<void>()}, .y = {out.as<void>(), DType::u8}}, ctx);
  device::copy_to_host(y.data(), out.as<void>(), y.size(), ctx.stream());
  EXPECT_EQ(y, want);
}

}  // namespace
}  // namespace sumi::test
