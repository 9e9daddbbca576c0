#include "kernels/norm/norm.h"

#include <numeric>

#include "kernels/norm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<NormStats, NormFold, NormApply, NormBackward>();

/// Calls body(ctx, row name) for each row that can run `a`.
template <class Args, class F>
void for_each_row(const Args& a, F&& body) {
  Context ctx(ContextOptions{.threads = 2, .forced_rows = "none:none"});
  for (const auto& row : cpu_rows<Args>()) {
    if (!can_run(row, a, ctx.device())) continue;
    SCOPED_TRACE(row.name);
    row.run(a, ctx);
    body();
  }
}

TensorRef ref(std::vector<float>& v) { return {v.data()}; }

/// Layer norm of the row 1, 2, 3, 4: mean 5/2, variance 5/4.
TEST(NormClosedForm, KnownRow) {
  std::vector<float> x{1, 2, 3, 4}, mean(1), var(1), scale(4), shift(4), y(4);
  for_each_row(NormStats{.d = {.C = 4}, .x = ref(x), .mean = ref(mean), .var = ref(var)}, [&] {
    EXPECT_EQ(mean[0], 2.5f);
    EXPECT_EQ(var[0], 1.25f);
  });
  const NormFold fold{
      .d = {.C = 4}, .eps = 0, .mean = ref(mean), .var = ref(var), .scale = ref(scale), .shift = ref(shift)};
  for_each_row(fold, [] {});
  NormApply apply{.d = {1, 1, 1, 4}, .x = ref(x), .scale = ref(scale), .shift = ref(shift), .y = ref(y)};
  for_each_row(apply, [&] {
    for (std::size_t i = 0; i < 4; i++) EXPECT_NEAR(y[i], (x[i] - 2.5) / std::sqrt(1.25), 3e-7);
  });
}

/// x = 1e4 + 1e-2 * (+1 or -1): 1e8 + 1e-4 needs 40 bits, so a sum of squares in f32 would give nonsense.
TEST(NormClosedForm, StatisticsFarFromZero) {
  for (const NormDims d : {NormDims{.N = 2, .HW = 5000, .C = 3, .groups = 3}, NormDims{.HW = 4096, .C = 32},
                           NormDims{.N = 3, .HW = 100, .C = 17, .groups = 17, .across_batch = true},
                           NormDims{.N = 4, .HW = 64, .C = 32, .groups = 8}}) {
    const auto n = static_cast<std::size_t>(d.count()), stats = static_cast<std::size_t>(d.stats());
    std::vector<float> x(n), mean(stats), var(stats);
    // Pixels alternate, so that each channel has as many of both signs. 1/128 is exact beside 1e4.
    for (std::size_t i = 0; i < n; i++) x[i] = 1e4f + (i / static_cast<std::size_t>(d.C) % 2 ? 0x1p-7f : -0x1p-7f);
    for_each_row(NormStats{.d = d, .x = ref(x), .mean = ref(mean), .var = ref(var)}, [&] {
      for (std::size_t s = 0; s < stats; s++) {
        ASSERT_EQ(mean[s], 1e4f) << d.key();
        ASSERT_NEAR(var[s], 0x1p-14, 0x1p-14 * 1e-5) << d.key();
      }
    });
  }
}

/// Gaussian data with mean 1e4 and deviation 1e-2 (as f32 holds it), against two passes in double.
TEST(NormClosedForm, GaussianStatisticsFarFromZero) {
  const NormDims d{.HW = 10007, .C = 1};
  std::vector<float> x(static_cast<std::size_t>(d.count())), mean(1), var(1);
  std::mt19937 rng(3);
  for (float& v : x) v = static_cast<float>(1e4 + 1e-2 * std::normal_distribution<double>()(rng));
  const double m = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  double squares = 0;
  for (const float v : x) squares += (v - m) * (v - m) / static_cast<double>(x.size());
  for_each_row(NormStats{.d = d, .x = ref(x), .mean = ref(mean), .var = ref(var)}, [&] {
    EXPECT_NEAR(mean[0], m, 1e-3);  // one unit in the last place of 1e4
    EXPECT_NEAR(var[0], squares, squares * 1e-5);
  });
}

/// Folding channel moments equals folding the statistics of the data behind them, for every kind of norm.
TEST(NormClosedForm, FoldFromChannelsMergesMoments) {
  for (NormDims d : {NormDims{.N = 2, .HW = 9, .C = 6, .groups = 6}, NormDims{.N = 2, .HW = 9, .C = 6, .groups = 3},
                     NormDims{.N = 2, .HW = 9, .C = 6, .groups = 1},
                     NormDims{.N = 3, .HW = 5, .C = 4, .groups = 4, .across_batch = true},
                     NormDims{.N = 3, .HW = 5, .C = 4, .groups = 2, .across_batch = true}}) {
    const auto images = static_cast<std::size_t>(d.N * d.C);
    std::vector<double> x(static_cast<std::size_t>(d.count())), mean(images), var(images), group_mean(images),
        group_var(images), scale(images), shift(images), merged_scale(images), merged_shift(images),
        merged_mean(images), merged_var(images);
    std::mt19937 rng(5);
    for (std::size_t i = 0; i < x.size(); i++)
      x[i] = 1e4 + static_cast<double>(i % 5) + 1e-2 * std::normal_distribution<double>()(rng);
    const auto f64 = [](std::vector<double>& v) { return TensorRef{v.data(), DType::f64}; };
    NormDims channels = d;
    channels.groups = d.C, channels.across_batch = false;
    for_each_row(NormStats{.d = channels, .x = f64(x), .mean = f64(mean), .var = f64(var)}, [] {});
    for_each_row(NormStats{.d = d, .x = f64(x), .mean = f64(group_mean), .var = f64(group_var)}, [] {});
    NormFold fold{.d = d, .mean = f64(group_mean), .var = f64(group_var), .scale = f64(scale), .shift = f64(shift)};
    for_each_row(fold, [] {});
    NormFold merge{.d = d,
                   .from_channels = true,
                   .mean = f64(mean),
                   .var = f64(var),
                   .scale = f64(merged_scale),
                   .shift = f64(merged_shift),
                   .merged_mean = f64(merged_mean),
                   .merged_var = f64(merged_var)};
    for_each_row(merge, [&] {
      for (std::size_t s = 0; s < static_cast<std::size_t>(d.stats()); s++) {
        ASSERT_NEAR(merged_mean[s], group_mean[s], 1e-9) << d.key();
        ASSERT_NEAR(merged_var[s], group_var[s], 1e-9 * group_var[s]) << d.key();
      }
      for (std::size_t i = 0; i < images; i++) {
        ASSERT_NEAR(merged_scale[i], scale[i], 1e-9 * std::abs(scale[i])) << d.key();
        ASSERT_NEAR(merged_shift[i], shift[i], 1e-9 * std::abs(shift[i])) << d.key();
      }
    });
  }
}

/// y = act(2 x + 1) + residual, enlarged, mirrored.
TEST(NormClosedForm, ApplyPadsWhatItEnlarged) {
  std::vector<float> x{1, -2}, scale{2}, shift{1}, residual{10, 20}, y(10);
  NormApply a{.d = {1, 1, 2, 1}, .act = Map::relu, .upsample = Upsample::nearest2, .pad = {0, 0, 1, 0}};
  a.pad_mode = PadMode::reflect;
  a.x = ref(x), a.scale = ref(scale), a.shift = ref(shift), a.residual = ref(residual), a.y = ref(y);
  for_each_row(a, [&] { EXPECT_EQ(y, (std::vector<float>{13, 13, 13, 20, 20, 13, 13, 13, 20, 20})); });
}

TEST(NormClosedForm, BilinearHalfPixelWeights) {
  std::vector<float> x{0, 4}, y(8);
  NormApply a{.d = {1, 1, 2, 1}, .upsample = Upsample::bilinear2, .x = ref(x), .y = ref(y)};
  for_each_row(a, [&] { EXPECT_EQ(y, (std::vector<float>{0, 1, 3, 4, 0, 1, 3, 4})); });
}

/// The activations over their whole range, NaN and infinities included.
TEST(NormClosedForm, ActivationsOverTheirRange) {
  std::vector<float> x;
  for (int i = -40000; i <= 40000; i++) x.push_back(static_cast<float>(i) * 0.0025f);
  const float infinity = std::numeric_limits<float>::infinity();
  x.insert(x.end(), {1e-30f, -1e-6f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()});
  std::vector<float> y(x.size());
  for (const Map act : {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid}) {
    NormApply a{.d = {1, 1, 1, static_cast<std::int64_t>(x.size())}, .act = act, .a = 0.25};
    a.x = ref(x), a.y = ref(y);
    for_each_row(a, [&] {
      for (std::size_t i = 0; i + 1 < x.size(); i++) {
        const double want = map_at<double>(act, x[i], 0.25);
        ASSERT_TRUE(y[i] == want || std::abs(y[i] - want) <= 2e-7) << name_of(act) << ' ' << x[i] << ": " << y[i];
      }
      ASSERT_TRUE(std::isnan(y.back())) << name_of(act);
    });
  }
}

/// Their derivatives, as dx of constant statistics (mean 0, variance 1) and dy = 1.
TEST(NormClosedForm, DerivativesOverTheirRange) {
  std::vector<float> x;
  for (int i = -40000; i <= 40000; i++) x.push_back(static_cast<float>(i) * 0.0025f);
  std::vector<float> dy(x.size(), 1.f), dx(x.size()), mean{0}, var{1};
  for (const Map act : {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid}) {
    NormBackward a{.d = {.HW = static_cast<std::int64_t>(x.size())}, .eps = 0, .frozen = true, .act = act, .a = 0.25};
    a.x = ref(x), a.dy = ref(dy), a.mean = ref(mean), a.var = ref(var), a.dx = ref(dx);
    for_each_row(a, [&] {
      for (std::size_t i = 0; i < x.size(); i++)
        ASSERT_NEAR(dx[i], map_derivative_at<double>(act, x[i], 0.25), 4e-7) << name_of(act) << ' ' << x[i];
    });
  }
}

/// u = 2 x + 3 of constant statistics (mean 0, variance 1): only the third element is cut off.
TEST(NormClosedForm, BackwardGoesThroughTheActivation) {
  std::vector<float> x{-1, 2, -3, 4}, dy{1, 1, 1, 1}, mean{0}, var{1}, weight{2}, bias{3}, dx(4), dweight(1), dbias(1);
  NormBackward a{.d = {.HW = 4}, .eps = 0, .frozen = true, .act = Map::relu, .x = ref(x), .dy = ref(dy)};
  a.mean = ref(mean), a.var = ref(var), a.weight = ref(weight), a.bias = ref(bias);
  a.dx = ref(dx), a.dweight = ref(dweight), a.dbias = ref(dbias);
  for_each_row(a, [&] {
    EXPECT_EQ(dx, (std::vector<float>{2, 2, 0, 2}));
    EXPECT_EQ(dweight[0], 5);
    EXPECT_EQ(dbias[0], 3);
  });
  a.act = Map::leaky_relu, a.a = 0.5;
  for_each_row(a, [&] {
    EXPECT_EQ(dx, (std::vector<float>{2, 2, 1, 2}));
    EXPECT_EQ(dweight[0], 3.5f);
    EXPECT_EQ(dbias[0], 3.5f);
  });
}

/// y = relu(x) + residual with a column in front and two behind, mirrored: x1 x0 x1 x2 x1 x0.
TEST(NormClosedForm, BackwardFoldsWhatWasPadded) {
  std::vector<float> x{1, 2, -3}, dy{1, 10, 100, 1000, 10000, 100000}, mean{0}, var{1};
  std::vector<float> dx(3), dweight(1), dbias(1), dresidual(3);
  NormBackward a{.d = {.HW = 3}, .eps = 0, .frozen = true, .act = Map::relu, .W = 3, .pad = {0, 0, 1, 2}};
  a.pad_mode = PadMode::reflect;
  a.x = ref(x), a.dy = ref(dy), a.mean = ref(mean), a.var = ref(var);
  a.dx = ref(dx), a.dweight = ref(dweight), a.dbias = ref(dbias), a.dresidual = ref(dresidual);
  int rows = 0;
  for_each_row(a, [&] {
    rows++;
    EXPECT_EQ(dresidual, (std::vector<float>{100010, 10101, 1000}));
    EXPECT_EQ(dx, (std::vector<float>{100010, 10101, 0}));
    EXPECT_EQ(dweight[0], 100010 + 2 * 10101);
    EXPECT_EQ(dbias[0], 110111);
  });
  EXPECT_GT(rows, 0);
}

/// y = relu(x) + residual, each repeated, a column in front and two behind, mirrored: x0 x0 x0 x1 x1 x1 x0.
TEST(NormClosedForm, BackwardFoldsWhatWasEnlarged) {
  std::vector<float> x{1, -2}, mean{0}, var{1}, dx(2), dweight(1), dbias(1), dresidual(2);
  std::vector<float> dy{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};  // two rows of the one
  NormBackward a{.d = {.HW = 2}, .eps = 0, .frozen = true, .act = Map::relu, .W = 2, .upsample = Upsample::nearest2};
  a.pad = {0, 0, 1, 2}, a.pad_mode = PadMode::reflect;
  a.x = ref(x), a.dy = ref(dy), a.mean = ref(mean), a.var = ref(var);
  a.dx = ref(dx), a.dweight = ref(dweight), a.dbias = ref(dbias);
  int rows = 0;
  for (const bool residual : {false, true}) {
    if (residual) a.dresidual = ref(dresidual);
    for_each_row(a, [&] {
      rows++;
      EXPECT_EQ(dx, (std::vector<float>{71 * 129, 0}));
      EXPECT_EQ(dweight[0], 71 * 129);
      EXPECT_EQ(dbias[0], 71 * 129);
    });
  }
  EXPECT_EQ(dresidual, (std::vector<float>{71 * 129, 56 * 129}));
  EXPECT_EQ(rows, 4);
}

/// y = xhat w + b has no gradient along x's scale and offset: sum dx = sum dx x = 0 (eps = 0).
TEST(NormClosedForm, BackwardIsOrthogonal) {
  const NormDims d{.N = 2, .HW = 50, .C = 6, .groups = 3};
  std::vector<float> x(600), dy(600), mean(6), var(6), weight{1, 2, -1, 3, 0.5, 1}, dx(600);
  std::mt19937 rng(9);
  for (std::size_t i = 0; i < 600; i++) {
    x[i] = static_cast<float>(std::normal_distribution<double>(3, 2)(rng));
    dy[i] = static_cast<float>(std::normal_distribution<double>()(rng));
  }
  for_each_row(NormStats{.d = d, .x = ref(x), .mean = ref(mean), .var = ref(var)}, [] {});
  NormBackward a{.d = d, .eps = 0, .x = ref(x), .dy = ref(dy), .mean = ref(mean), .var = ref(var)};
  a.weight = ref(weight), a.dx = ref(dx);
  for_each_row(a, [&] {
    for (std::size_t n = 0; n < 2; n++)
      for (std::size_t g = 0; g < 3; g++) {
        double plain = 0, product = 0, size = 0;
        for (std::size_t p = 0; p < 50; p++)
          for (std::size_t c = 2 * g; c < 2 * g + 2; c++) {
            const std::size_t i = (n * 50 + p) * 6 + c;
            plain += dx[i], product += static_cast<double>(dx[i]) * x[i], size += std::abs(dx[i]);
          }
        ASSERT_GT(size, 1);
        ASSERT_NEAR(plain, 0, 1e-5);
        ASSERT_NEAR(product, 0, 1e-4);
      }
  });
}

}  // namespace
}  // namespace sumi::test
