// What the row tests cannot see of winograd: every instruction set, statistics far from zero, NaN, cached weights.
#include "kernels/conv2d/winograd.h"

#include <hwy/targets.h>

#include "kernels/conv2d/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

/// Dispatch sees only this target for the length of a scope.
class OnlyTarget {
 public:
  explicit OnlyTarget(std::int64_t target) { choose(target); }
  OnlyTarget(const OnlyTarget&) = delete;
  OnlyTarget& operator=(const OnlyTarget&) = delete;
  ~OnlyTarget() { choose(0); }

 private:
  static void choose(std::int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

template <class Args>
const Variant<Args>& winograd_row() {
  for (const auto& row : Args::table())
    if (row.name == "winograd" && row.device == DeviceKind::cpu) return row;
  fail(Args::op, ": no winograd row");
}

template <class Args>
void check_every_case() {
  for (const Case<Args>& c : Cases<Args>::awkward()) {
    const Variant<Args>& row = winograd_row<Args>();
    if (!row.supports(c.args, {})) continue;
    SCOPED_TRACE(c.args.key());
    for (const DType t : {DType::f32, DType::bf16}) check_row(row, c, t, Data::gaussian);
  }
}

/// Machines with AVX-512 would otherwise never run what those without it do.
TEST(Winograd, EveryInstructionSet) {
  for (const std::int64_t target : std::vector<std::int64_t>{HWY_EMU128, HWY_AVX2, HWY_AVX3}) {
    if (!(hwy::SupportedTargets() & target)) continue;
    SCOPED_TRACE(hwy::TargetName(target));
    const OnlyTarget only(target);
    check_every_case<Conv2dForward>();
    check_every_case<Conv2dBackwardInput>();
  }
}

struct Picture {
  Conv2dForward args;
  std::vector<float> x, w, y, mean, var;

  explicit Picture(const Conv2dDims& d)
      : args{.d = d},
        x(static_cast<std::size_t>(d.x_count())),
        w(static_cast<std::size_t>(d.w_count())),
        y(static_cast<std::size_t>(d.y_count())),
        mean(static_cast<std::size_t>(d.N * d.K)),
        var(mean.size()) {
    args.x = {x.data()}, args.w = {w.data()}, args.y = {y.data()};
    args.epilogue.mean = {mean.data()}, args.epilogue.var = {var.data()};
  }
  void run(Context& ctx) { winograd_row<Conv2dForward>().run(args, ctx); }
};

/// Every filter is the centre tap, so the values pass; the last channel, all ones, carries a bias of 1e4 by itself.
TEST(Winograd, StatisticsFarFromZero) {
  Picture p({.N = 2, .H = 61, .W = 47, .C = 17, .K = 16, .R = 3, .S = 3, .pad = Pad4::all(1)});
  std::vector<float> bias(16, 1e4f);
  p.args.epilogue.bias = {bias.data()};
  std::mt19937 rng(3);
  std::normal_distribution<float> gaussian(0, 1e-2f);
  for (float& v : p.x) v = gaussian(rng);
  for (std::size_t k = 0; k < 16; k++) p.w[(k * 9 + 4) * 17 + k] = 1;
  Context ctx;
  p.run(ctx);
  for (std::size_t n = 0; n < 2; n++)
    for (std::size_t k = 0; k < 16; k++) {
      double mean = 0, var = 0;
      const std::size_t pixels = 61 * 47;
      for (std::size_t i = 0; i < pixels; i++) mean += p.y[(n * pixels + i) * 16 + k];
      mean /= static_cast<double>(pixels);
      for (std::size_t i = 0; i < pixels; i++) var += std::pow(p.y[(n * pixels + i) * 16 + k] - mean, 2);
      var /= static_cast<double>(pixels);
      EXPECT_NEAR(p.mean[n * 16 + k], mean, 1e4 * 0x1p-24);
      EXPECT_NEAR(p.var[n * 16 + k], var, 1e-5 * var);
      EXPECT_NEAR(std::sqrt(var), 1e-2, 1e-3);
    }
}

TEST(Winograd, ConstantPictureHasNoVariance) {
  Picture p({.N = 1, .H = 30, .W = 30, .C = 16, .K = 16, .R = 3, .S = 3, .pad = Pad4::all(1)});
  p.args.d.pad_mode = PadMode::replicate;
  std::fill(p.x.begin(), p.x.end(), 3.f);
  std::fill(p.w.begin(), p.w.end(), 0.25f);
  Context ctx;
  p.run(ctx);
  for (std::size_t k = 0; k < 16; k++) {
    EXPECT_NEAR(p.mean[k], 3 * 0.25 * 9 * 16, 1e-3);
    EXPECT_NEAR(p.var[k], 0, 1e-9);
  }
}

/// NaN reaches all the pixels that see it, through both activations; tiles beyond them stay clean.
TEST(Winograd, NanPasses) {
  Picture p({.N = 1, .H = 16, .W = 16, .C = 17, .K = 18, .R = 3, .S = 3, .pad = Pad4::all(1)});
  std::fill(p.x.begin(), p.x.end(), 1.f);
  std::fill(p.w.begin(), p.w.end(), 1.f);
  const std::size_t row = 5, column = 6;
  p.x[(row * 16 + column) * 17 + 16] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> scale(17, 1.f), shift(17, 0.f);
  p.args.prologue = {{scale.data()}, {shift.data()}, Map::relu};
  p.args.epilogue.act = Map::relu;
  Context ctx;
  p.run(ctx);
  for (std::size_t i = 0; i < 16; i++)
    for (std::size_t j = 0; j < 16; j++)
      for (std::size_t k = 0; k < 18; k++) {
        const bool sees = i + 1 >= row && i <= row + 1 && j + 1 >= column && j <= column + 1;
        const bool touched = i / 4 == row / 4 && j / 4 == column / 4;  // its tile: patches of others end before it
        if (sees || !touched) {
          EXPECT_EQ(std::isnan(p.y[(i * 16 + j) * 18 + k]), sees) << i << ' ' << j << ' ' << k;
        }
      }
  EXPECT_TRUE(std::isnan(p.mean[0]) && std::isnan(p.var[17]));
}

/// Weights are packed once per version, and anew for each use where they have no identity.
TEST(Winograd, WeightsFollowTheirVersion) {
  Picture p({.N = 1, .H = 5, .W = 5, .C = 16, .K = 16, .R = 3, .S = 3, .pad = Pad4::all(1)});
  std::fill(p.x.begin(), p.x.end(), 1.f);
  Context ctx;
  const auto centre = [&](float weight, std::uint64_t id, std::uint64_t version) {
    std::fill(p.w.begin(), p.w.end(), weight);
    p.args.w.id = id, p.args.w.version = version;
    p.run(ctx);
    return p.y[(2 * 5 + 2) * 16];
  };
  EXPECT_NEAR(centre(1, 7, 0), 144, 1e-3);
  EXPECT_NEAR(centre(2, 7, 0), 144, 1e-3);
  EXPECT_NEAR(centre(2, 7, 1), 288, 1e-3);
  EXPECT_NEAR(centre(3, 0, 1), 432, 1e-3);
  EXPECT_NEAR(centre(4, 0, 1), 576, 1e-3);
}

TEST(Winograd, PaysWhereTilesAreFull) {
  const DeviceInfo device{.avx2 = true};
  Conv2dForward a{.d = {.H = 64, .W = 64, .C = 64, .K = 64, .R = 3, .S = 3, .pad = Pad4::all(1)}};
  EXPECT_TRUE(conv2d_forward_winograd_pays(a, device));
  a.d.C = 3;
  EXPECT_FALSE(conv2d_forward_winograd_pays(a, device));
  a.d.C = 64, a.d.H = a.d.W = 1;
  EXPECT_FALSE(conv2d_forward_winograd_pays(a, device));
  EXPECT_TRUE(conv2d_forward_winograd_supports(a, device));
  a.d = {.H = 8, .W = 8, .C = 64, .K = 32, .R = 7, .S = 7, .pad = Pad4::all(3)};
  EXPECT_TRUE(conv2d_forward_winograd_pays(a, device));
  a.d.H = a.d.W = 9;  // 81 pixels of 144 in whole tiles
  EXPECT_FALSE(conv2d_forward_winograd_pays(a, device));
}

}  // namespace
}  // namespace sumi::test
