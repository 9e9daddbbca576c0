#include "kernels/resample/resample.h"

#include <numeric>

#include "kernels/resample/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<ResampleForward, ResampleBackward, PixelShuffle>();

using Floats = std::vector<float>;

/// y of every row on the ramp 0, 1, .. inputs-1, along columns and along rows.
void expect_line(std::int64_t inputs, Interpolation interpolation, Coordinates coordinates, const Floats& want) {
  Floats x(static_cast<std::size_t>(inputs)), y(want.size());
  std::iota(x.begin(), x.end(), 0.f);
  const auto outputs = static_cast<std::int64_t>(want.size());
  ResampleForward columns{.d = {1, 1, inputs, 1}, .Q = outputs}, rows{.d = {1, inputs, 1, 1}, .P = outputs};
  Context ctx;
  for (ResampleForward a : {columns, rows})
    for (const auto& row : cpu_rows<ResampleForward>()) {
      a.interpolation = interpolation, a.coordinates = coordinates, a.x = {x.data()}, a.y = {y.data()};
      if (!can_run(row, a, ctx.device())) continue;
      row.run(a, ctx);
      for (std::size_t i = 0; i < want.size(); i++) EXPECT_NEAR(y[i], want[i], 1e-6) << row.name << ' ' << i;
    }
}

/// A ramp's value at a coordinate is the coordinate, clamped to the line: the formulas at Coordinates, by hand.
TEST(ResampleClosedForm, RampHalfPixel) {
  expect_line(3, Interpolation::bilinear, Coordinates::half_pixel, {0, 0.25f, 0.75f, 1.25f, 1.75f, 2});
  expect_line(4, Interpolation::bilinear, Coordinates::half_pixel, {0.5f, 2.5f});
}
TEST(ResampleClosedForm, RampAlignCorners) {
  expect_line(3, Interpolation::bilinear, Coordinates::align_corners, {0, 0.5f, 1, 1.5f, 2});
}
TEST(ResampleClosedForm, RampAsymmetric) {
  expect_line(3, Interpolation::bilinear, Coordinates::asymmetric, {0, 0.5f, 1, 1.5f, 2, 2});
}
TEST(ResampleClosedForm, RampNearest) {
  expect_line(3, Interpolation::nearest, Coordinates::half_pixel, {0, 0, 1, 1, 2, 2});
  expect_line(5, Interpolation::nearest, Coordinates::half_pixel, {0, 1, 3});
}

/// <resample(x), dy> = <x, backward(dy)>: the backward is the transpose.
TEST(ResampleClosedForm, BackwardOfOnesSumsToTheOutputs) {
  Floats dy(5 * 7, 1.f), dx(3 * 4);
  Context ctx;
  for (const Coordinates how : {Coordinates::half_pixel, Coordinates::align_corners, Coordinates::asymmetric}) {
    ResampleBackward a{.d = {1, 3, 4, 1}, .P = 5, .Q = 7, .interpolation = Interpolation::bilinear};
    a.coordinates = how, a.dy = {dy.data()}, a.dx = {dx.data()};
    for (const auto& row : cpu_rows<ResampleBackward>()) {
      if (!can_run(row, a, ctx.device())) continue;
      row.run(a, ctx);
      EXPECT_NEAR(std::accumulate(dx.begin(), dx.end(), 0.f), 35, 1e-4) << row.name;
      for (const float v : dx) EXPECT_GT(v, 0) << row.name;
    }
  }
}

/// 1x1x2 pixels of 2*4 channels, numbered; y[h=i, w=2w+j, c] = x[w, 4c + 2i + j].
TEST(PixelShuffleClosedForm, CountingImage) {
  Floats x(16), y(16), back(16);
  std::iota(x.begin(), x.end(), 0.f);
  PixelShuffle a{.d = {1, 1, 2, 8}, .block = 2, .x = {x.data()}, .y = {y.data()}};
  PixelShuffle b{.d = a.d, .block = 2, .inverse = true, .x = {y.data()}, .y = {back.data()}};
  Context ctx;
  for (const auto& row : cpu_rows<PixelShuffle>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    EXPECT_EQ(y, (Floats{0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15})) << row.name;
    row.run(b, ctx);
    EXPECT_EQ(back, x) << row.name;
  }
}

}  // namespace
}  // namespace sumi::test
