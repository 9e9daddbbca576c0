#include "kernels/pad/pad.h"

#include "kernels/pad/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<PadForward, PadBackward>();

using Floats = std::vector<float>;

/// y of every row of PadForward on the image 1 2 3 / 4 5 6.
void expect_padded(Pad4 pad, PadMode mode, const Floats& want, double value = 0) {
  Floats x{1, 2, 3, 4, 5, 6}, y(want.size());
  PadForward a{.d = {1, 2, 3, 1}, .pad = pad, .mode = mode, .value = value, .x = {x.data()}, .y = {y.data()}};
  ASSERT_EQ(a.y_dims().count(), static_cast<std::int64_t>(want.size()));
  Context ctx;
  for (const auto& row : cpu_rows<PadForward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    EXPECT_EQ(y, want) << row.name;
  }
}

TEST(PadClosedForm, Zero) { expect_padded({1, 0, 0, 1}, PadMode::zero, {0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0}); }
TEST(PadClosedForm, Value) { expect_padded({0, 0, 1, 0}, PadMode::zero, {7, 1, 2, 3, 7, 4, 5, 6}, 7); }
TEST(PadClosedForm, Reflect) {
  expect_padded({1, 0, 2, 1}, PadMode::reflect, {6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5});
}
TEST(PadClosedForm, Replicate) {
  expect_padded({0, 1, 1, 0}, PadMode::replicate, {1, 1, 2, 3, 4, 4, 5, 6, 4, 4, 5, 6});
}
TEST(PadClosedForm, Crop) { expect_padded({-1, 0, -1, 0}, PadMode::zero, {5, 6}); }
TEST(PadClosedForm, CropAndReflect) { expect_padded({0, -1, 1, -1}, PadMode::reflect, {2, 1, 2}); }

/// A pixel's gradient counts its copies.
TEST(PadClosedForm, BackwardCountsCopies) {
  Floats dy(24, 1.f), dx(6);
  PadBackward a{.d = {1, 2, 3, 1}, .pad = {1, 1, 2, 1}, .mode = PadMode::reflect, .dy = {dy.data()}, .dx = {dx.data()}};
  Context ctx;
  for (const auto& row : cpu_rows<PadBackward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    EXPECT_EQ(dx, (Floats{2, 6, 4, 2, 6, 4})) << row.name;  // columns 2 1 0 1 2 1, rows 1 0 1 0
  }
}

}  // namespace
}  // namespace sumi::test
