#include "kernels/softmax/cases.h"
#include "tests/kernels/rows.h"
#include "tests/simt/device_vector.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<SoftmaxForward, SoftmaxBackward>(DeviceKind::cuda);

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

std::vector<float> softmaxed(const Variant<SoftmaxForward>& row, const std::vector<float>& x, bool log) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const DeviceVector in(ctx, x), out(ctx, x);
  row.run({.rows = 1, .columns = static_cast<std::int64_t>(x.size()), .log = log, .x = in.ref(), .y = out.ref()}, ctx);
  return out.host();
}

TEST(SoftmaxOnTheGpu, LargeEqualScoresDoNotOverflow) {
  for (const auto& row : cuda_rows<SoftmaxForward>()) {
    for (const float v : softmaxed(row, {1e4f, 1e4f, 1e4f, 1e4f}, false)) EXPECT_FLOAT_EQ(v, 0.25f) << row.name;
    for (const float v : softmaxed(row, {-1e4f, -1e4f}, true)) EXPECT_FLOAT_EQ(v, -0.69314718f) << row.name;
  }
}

TEST(SoftmaxOnTheGpu, NanSpoilsItsRow) {
  for (const auto& row : cuda_rows<SoftmaxForward>())
    for (const float v : softmaxed(row, {0, kNan, 1}, false)) EXPECT_TRUE(std::isnan(v)) << row.name;
}

/// A masked score has no share, wherever the other scores stand: the running maximum may see it first.
TEST(SoftmaxOnTheGpu, MinusInfinityHasNoShare) {
  for (const auto& row : cuda_rows<SoftmaxForward>()) {
    std::vector<float> x(300, -kInf);
    x[299] = 1;
    const auto y = softmaxed(row, x, false);
    for (std::size_t i = 0; i < 299; i++) EXPECT_EQ(y[i], 0) << row.name << ' ' << i;
    EXPECT_FLOAT_EQ(y[299], 1) << row.name;
  }
}

}  // namespace
}  // namespace sumi::test
