#include "kernels/conv2d/conv2d.h"

#include "kernels/conv2d/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Conv2dForward, Conv2dBackwardInput, Conv2dBackwardWeight>();

/// The first oracle: ones convolved with ones count the taps inside the image.
TEST(Conv2dClosedForm, OnesCountTaps) {
  const std::vector<float> x(16, 1.f), w(9, 1.f);
  std::vector<float> y(16);
  Conv2dForward a{.d = {.H = 4, .W = 4, .R = 3, .S = 3, .pad = Pad4::all(1)}};
  a.x = {const_cast<float*>(x.data())}, a.w = {const_cast<float*>(w.data())}, a.y = {y.data()};
  Context ctx;
  for (const auto& row : cpu_rows<Conv2dForward>()) {
    if (!can_run(row, a, ctx.device())) continue;
    row.run(a, ctx);
    const std::vector<float> taps{4, 6, 6, 4, 6, 9, 9, 6, 6, 9, 9, 6, 4, 6, 6, 4};
    for (std::size_t i = 0; i < taps.size(); i++) EXPECT_NEAR(y[i], taps[i], 1e-5) << row.name << ' ' << i;
  }
}

/// Far from 0 the activations stand at their limits, and NaN stays NaN.
TEST(Conv2dClosedForm, ActivationsSaturate) {
  constexpr std::size_t kPixels = 40;
  Context ctx;
  for (const Map act : {Map::sigmoid, Map::tanh})
    for (const float v : {-1e30f, -300.f, -110.f, 110.f, 300.f, 1e30f, std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> x(kPixels, v), w(1, 1.f), y(kPixels);
      Conv2dForward a{.d = {.W = kPixels}, .x = {x.data()}, .w = {w.data()}, .y = {y.data()}, .epilogue = {.act = act}};
      const float limit = v > 0 ? 1.f : act == Map::tanh ? -1.f : 0.f;
      for (const auto& row : cpu_rows<Conv2dForward>()) {
        if (!can_run(row, a, ctx.device())) continue;
        row.run(a, ctx);
        for (const float got : y)
          EXPECT_TRUE(std::isnan(v) ? std::isnan(got) : std::abs(got - limit) < 1e-6f)
              << row.name << ' ' << name_of(act) << '(' << v << ") gave " << got;
      }
    }
}

/// Fast rows fuse the five activations; any other map is the reference's, whatever row would have been preferred.
template <class Args>
void expect_only_the_reference(const Args& a) {
  Context ctx;
  for (const auto& row : cpu_rows<Args>())
    EXPECT_EQ(can_run(row, a, ctx.device()), row.name == "reference") << Args::op << '/' << row.name;
}

TEST(Conv2dRows, LeaveOtherMapsToTheReference) {
  std::vector<float> ones(64, 1.f), out(64);
  const TensorRef in{ones.data()};
  // 3x3, depthwise, thin: each of the rows would take one of these.
  for (const Conv2dDims& d : {Conv2dDims{.H = 4, .W = 4, .R = 3, .S = 3, .pad = Pad4::all(1)},
                              Conv2dDims{.C = 16, .K = 16, .groups = 16}, Conv2dDims{.C = 32}}) {
    const Prologue squared{.scale = in, .shift = in, .act = Map::square};
    const Epilogue halved{.act = Map::scale, .a = 0.5};
    expect_only_the_reference(Conv2dForward{.d = d, .x = in, .w = in, .prologue = squared});
    expect_only_the_reference(Conv2dForward{.d = d, .x = in, .w = in, .epilogue = halved});
    expect_only_the_reference(Conv2dBackwardInput{.d = d, .dy = in, .w = in, .prologue = squared});
    expect_only_the_reference(Conv2dBackwardInput{.d = d, .dy = in, .w = in, .epilogue = halved});
  }
  Context ctx;
  run(Conv2dForward{.d = {.C = 32}, .x = in, .w = in, .y = {out.data()}, .epilogue = {.act = Map::scale, .a = 0.5}},
      ctx);
  EXPECT_EQ(out[0], 16.f);
}

TEST(Conv2dRows, WantScaleAndShiftAndMeanAndVarInPairs) {
  std::vector<float> ones(64, 1.f);
  const TensorRef in{ones.data()};
  Context ctx;
  for (const Prologue& p : {Prologue{.scale = in}, Prologue{.shift = in}})
    EXPECT_THROW(run(Conv2dForward{.x = in, .w = in, .y = in, .prologue = p}, ctx), Error);
  for (const Epilogue& e : {Epilogue{.mean = in}, Epilogue{.var = in}}) {
    EXPECT_THROW(run(Conv2dForward{.x = in, .w = in, .y = in, .epilogue = e}, ctx), Error);
    EXPECT_THROW(run(Conv2dBackwardInput{.dy = in, .w = in, .dx = in, .epilogue = e}, ctx), Error);
  }
}

}  // namespace
}  // namespace sumi::test
