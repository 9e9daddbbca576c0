#include "kernels/pool/pool.h"

#include "kernels/pool/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<PoolForward, PoolBackward>();

using Floats = std::vector<float>;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

bool same(const Floats& a, const Floats& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); i++)
    if (!(std::abs(a[i] - b[i]) < 1e-6f) && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  return true;
}

void expect_pooled(Pooling pooling, const PoolDims& d, Floats x, const Floats& want) {
  ASSERT_EQ(d.y_count(), static_cast<std::int64_t>(want.size()));
  Floats y(want.size());
  PoolForward a{.pooling = pooling, .d = d, .x = {x.data()}, .y = {y.data()}};
  Context ctx;
  for (const auto& row : cpu_rows<PoolForward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    EXPECT_TRUE(same(y, want)) << row.name << ": " << testing::PrintToString(y);
  }
}

void expect_gradient(Pooling pooling, const PoolDims& d, Floats x, Floats dy, const Floats& want) {
  ASSERT_EQ(d.y_count(), static_cast<std::int64_t>(dy.size()));
  Floats dx(want.size());
  PoolBackward a{.pooling = pooling, .d = d, .x = {x.data()}, .dy = {dy.data()}, .dx = {dx.data()}};
  Context ctx;
  for (const auto& row : cpu_rows<PoolBackward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    EXPECT_TRUE(same(dx, want)) << row.name << ": " << testing::PrintToString(dx);
  }
}

const Floats kImage{1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST(PoolClosedForm, KnownWindows) {
  const PoolDims d{.H = 3, .W = 3, .stride_h = 1, .stride_w = 1};
  expect_pooled(Pooling::max, d, kImage, {5, 6, 8, 9});
  expect_pooled(Pooling::average, d, kImage, {3, 4, 6, 7});
}

/// PyTorch: the size is rounded up, but a window that would start in the right or bottom padding is dropped.
TEST(PoolClosedForm, CeilMode) {
  PoolDims d{.H = 3, .W = 3, .ceil_mode = true};
  expect_pooled(Pooling::max, d, kImage, {5, 6, 8, 9});
  expect_pooled(Pooling::average, d, kImage, {3, 4.5f, 7.5f, 9});  // the divisor counts only what exists
  EXPECT_EQ((PoolDims{.H = 3, .pad = Pad4::all(1), .ceil_mode = true}.P()), 2);
  EXPECT_EQ((PoolDims{.H = 4, .R = 1, .stride_h = 3, .ceil_mode = true}.P()), 2);
  EXPECT_EQ((PoolDims{.H = 3, .R = 1, .stride_h = 3, .ceil_mode = true}.P()), 1);
}

TEST(PoolClosedForm, PaddingNeverWinsAndCountsOnDemand) {
  PoolDims d{.H = 2, .W = 2, .pad = Pad4::all(1)};
  const Floats x{-1, -2, -3, -4};
  expect_pooled(Pooling::max, d, x, x);
  expect_pooled(Pooling::average, d, x, {-0.25f, -0.5f, -0.75f, -1});
  d.count_include_pad = false;
  expect_pooled(Pooling::average, d, x, x);
}

TEST(PoolClosedForm, Global) {
  const PoolDims d{.H = 3, .W = 3, .R = 3, .S = 3, .stride_h = 1, .stride_w = 1};
  expect_pooled(Pooling::average, d, kImage, {5});
  expect_pooled(Pooling::max, d, kImage, {9});
}

TEST(PoolClosedForm, NaNWins) {
  expect_pooled(Pooling::max, {.H = 2, .W = 4}, {1, kNaN, 3, 4, 9, 2, 1, 5}, {kNaN, 5});
  expect_gradient(Pooling::max, {.H = 2, .W = 2}, {1, kNaN, kNaN, 9}, {3}, {0, 3, 0, 0});
}

/// Ties: the first in row order. Overlapping windows add up.
TEST(PoolClosedForm, GradientGoesToTheFirstMaximum) {
  expect_gradient(Pooling::max, {.H = 2, .W = 2}, {4, 4, 4, 4}, {3}, {3, 0, 0, 0});
  const PoolDims overlapping{.H = 3, .W = 3, .stride_h = 1, .stride_w = 1};
  expect_gradient(Pooling::max, overlapping, {1, 2, 3, 4, 9, 5, 6, 7, 8}, {1, 10, 100, 1000},
                  {0, 0, 0, 0, 1111, 0, 0, 0, 0});
  expect_gradient(Pooling::average, overlapping, kImage, {4, 8, 12, 16}, {1, 3, 2, 4, 10, 6, 3, 7, 4});
}

/// Beyond 2^24 pixels a window's maximum is the reference's to find: f32 cannot number them.
TEST(PoolRows, LeaveHugeWindowsToTheReference) {
  Context ctx;
  for (const int side : {4096, 4097}) {
    const PoolBackward a{.pooling = Pooling::max, .d = {.H = side, .W = side, .R = side, .S = side}};
    EXPECT_EQ(select(a, ctx).name == "reference", side == 4097);
  }
}

/// Rows and columns that no window covers get 0.
TEST(PoolClosedForm, GradientOfUncoveredPixelsIsZero) {
  expect_gradient(Pooling::max, {.H = 3, .W = 3}, kImage, {2}, {0, 0, 0, 0, 2, 0, 0, 0, 0});
  expect_gradient(Pooling::average, {.H = 3, .W = 3}, kImage, {4}, {1, 1, 0, 1, 1, 0, 0, 0, 0});
}

}  // namespace
}  // namespace sumi::test
