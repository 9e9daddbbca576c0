#include "kernels/conv2d/cases.h"
#include "kernels/conv2d/winograd_cuda.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Conv2dForward, Conv2dBackwardInput, Conv2dBackwardWeight>(DeviceKind::cuda);

GuardedBuffer& buffer_of(Bound<Conv2dForward>& b, std::string_view name) {
  const auto i = std::ranges::find(b.operands, name, &Operand::name) - b.operands.begin();
  return b.buffers.at(static_cast<std::size_t>(i));
}

template <class F>
void change(GuardedBuffer& b, F&& f) {
  for (std::int64_t i = 0; i < b.count(); i++) b.store(i, f(b.load(i)));
}

/// Runs one row on integers of a 16-bit dtype with an f32 gradient, which must hold the sums as they are.
void check_f32_gradient(const Variant<Conv2dBackwardWeight>& row, const Conv2dDims& d, DType dtype) {
  const Case<Conv2dBackwardWeight> c{Conv2dBackwardWeight{.d = d}};
  Bound<Conv2dBackwardWeight> got(c, dtype, Data::integers), want(c, DType::f64, Data::integers, &got);
  const std::size_t dw = 2;
  ASSERT_EQ(got.operands[dw].name, "dw");
  got.buffers[dw] = GuardedBuffer(d.w_count(), DType::f32);
  got.args.dw = {got.buffers[dw].data(), DType::f32};
  if (!can_run(row, got.args, device::info())) return;
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
  run_on_device(row, got, ctx);
  run_reference(want);
  bool beyond_16_bits = false;
  for (std::int64_t i = 0; i < d.w_count(); i++) {
    const double e = want.buffers[dw].load(i);
    ASSERT_EQ(got.buffers[dw].load(i), e) << row.name << ' ' << name_of(dtype) << ' ' << i;
    beyond_16_bits |= rounded(e, DType::bf16) != e;
  }
  EXPECT_TRUE(beyond_16_bits) << "nothing that bf16 would round";
}

TEST(Conv2dWeightGradient, InF32IsNotRounded) {
  const Conv2dDims dense{.N = 4, .H = 40, .W = 40, .C = 9, .K = 11, .R = 3, .S = 3, .pad = Pad4::all(1)};
  const Conv2dDims depthwise{
      .N = 4, .H = 40, .W = 40, .C = 9, .K = 9, .R = 3, .S = 3, .groups = 9, .pad = Pad4::all(1)};
  for (const auto& row : Conv2dBackwardWeight::table())
    for (const DType t : {DType::f16, DType::bf16}) {
      check_f32_gradient(row, dense, t);
      check_f32_gradient(row, depthwise, t);
    }
}

/// Values around `mean` whose deviation is some 12 weights' size.
struct FarFromZero {
  DType dtype;
  double mean, weights;
};

/// The row's statistics against those of the y that it stored.
void check_statistics(const Variant<Conv2dForward>& row, const Conv2dDims& d, const FarFromZero& far) {
  const Case<Conv2dForward> c{Conv2dForward{.d = d}, {"scale", "shift", "residual"}};
  Bound<Conv2dForward> b(c, far.dtype, Data::gaussian);
  if (!can_run(row, b.args, device::info())) return;
  change(buffer_of(b, "w"), [&](double v) { return v * far.weights; });
  change(buffer_of(b, "bias"), [&](double) { return far.mean; });
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
  run_on_device(row, b, ctx);
  const std::int64_t pixels = d.P() * d.Q();
  for (std::int64_t i = 0; i < d.N * d.K; i++) {
    const std::int64_t first = i / d.K * pixels * d.K + i % d.K;
    double mean = 0, var = 0;
    for (std::int64_t p = 0; p < pixels; p++) mean += buffer_of(b, "y").load(first + p * d.K);
    mean /= static_cast<double>(pixels);
    for (std::int64_t p = 0; p < pixels; p++) var += std::pow(buffer_of(b, "y").load(first + p * d.K) - mean, 2);
    var /= static_cast<double>(pixels);
    ASSERT_GT(var, 1e-6) << row.name;
    EXPECT_NEAR(buffer_of(b, "mean").load(i), mean, 0x1p-24 * far.mean) << row.name << ' ' << i;
    EXPECT_NEAR(buffer_of(b, "var").load(i), var, 1e-5 * var) << row.name << ' ' << i;
  }
}

/// In f32 mean 1e4, deviation 1e-2; in 16 bits a deviation of some units in the last place.
TEST(Conv2dStatistics, KeepTheDigitsOfASmallDeviation) {
  const Conv2dDims picture{.N = 2, .H = 9, .W = 35, .C = 3, .K = 40, .R = 3, .S = 3, .pad = Pad4::all(1)};
  const Conv2dDims hidden{.N = 3, .H = 13, .W = 10, .C = 16, .K = 9, .R = 3, .S = 3, .pad = Pad4::all(1)};
  const Conv2dDims chunks{.N = 3, .H = 13, .W = 10, .C = 16, .K = 24, .R = 3, .S = 3, .pad = Pad4::all(1)};
  for (const auto& row : Conv2dForward::table())
    for (const FarFromZero& far :
         {FarFromZero{DType::f32, 1e4, 1e-3}, FarFromZero{DType::f16, 2000, 0.2}, FarFromZero{DType::bf16, 250, 0.2}})
      if (row.device == DeviceKind::cuda && row.dtypes.has(far.dtype))
        for (const Conv2dDims& d : {picture, hidden, chunks}) check_statistics(row, d, far);
}

const Variant<Conv2dForward>& winograd_row(DType t) {
  return find_row<Conv2dForward>(t == DType::f32 ? "winograd" : "winograd_2x2",
                                 {.d = {.C = 16, .K = 16, .R = 3, .S = 3}, .x = {nullptr, t}}, device::info());
}

Case<Conv2dForward> picture(std::int64_t N, std::int64_t channels) {
  return {Conv2dForward{
      .d = {.N = N, .H = 26, .W = 25, .C = channels, .K = channels, .R = 3, .S = 3, .pad = Pad4::all(1)}}};
}

/// 147 or 507 tiles, as one chunk and in chunks of 128.
TEST(WinogradOnGpu, ChunksOfTiles) {
  for (const DType t : {DType::f32, DType::f16}) {
    const Case<Conv2dForward> c = picture(3, 16);
    Bound<Conv2dForward> whole(c, t, Data::gaussian), cut(c, t, Data::gaussian, &whole);
    Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
    Variant<Conv2dForward> row = winograd_row(t);
    run_on_device(row, whole, ctx);
    row.run = [](const Conv2dForward& a, Context& on) { cuda::conv2d_forward_winograd_within(1, a, on); };
    run_on_device(row, cut, ctx);
    for (std::size_t k = 0; k < whole.buffers.size(); k++)
      EXPECT_TRUE(whole.buffers[k] == cut.buffers[k]) << whole.operands[k].name << ' ' << name_of(t);
  }
}

/// From 64 tiles and channels on, Hopper's tensor cores multiply.
TEST(WinogradOnGpu, LargeProducts) { check_row(winograd_row(DType::f16), picture(1, 64), DType::f16, Data::gaussian); }

/// Four inputs add up in the transform, sixteen in its square.
TEST(WinogradOnGpu, ValuesUpToTheLargestOfF16) {
  const Case<Conv2dForward> c{picture(1, 16).args, {"scale", "shift", "residual"}};
  Case<Conv2dForward> plain = c;
  plain.args.linearise();
  Bound<Conv2dForward> got(c, DType::f16, Data::gaussian);
  change(buffer_of(got, "x"), [](double v) { return std::clamp(v * 4e4, -6e4, 6e4); });
  change(buffer_of(got, "w"), [](double v) { return v * 0.02; });
  Bound<Conv2dForward> want(c, DType::f64, Data::gaussian, &got), sizes(plain, DType::f64, Data::gaussian, &want, true);
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
  run_on_device(winograd_row(DType::f16), got, ctx);
  run_reference(want);
  run_reference(sizes);
  for (std::int64_t i = 0; i < buffer_of(want, "y").count(); i++)
    ASSERT_LT(std::abs(buffer_of(want, "y").load(i)), 65504) << "the result itself overflows";
  compare(winograd_row(DType::f16), got, want, &sizes, false);
}

/// Filters are transformed once for each version, and anew where they have no identity.
TEST(WinogradOnGpu, FiltersFollowTheirVersion) {
  const Case<Conv2dForward> c{Conv2dForward{.d = {.H = 3, .W = 3, .C = 1, .K = 1, .R = 3, .S = 3}},
                              {"scale", "shift", "bias", "residual", "mean", "var"}};
  Bound<Conv2dForward> b(c, DType::f32, Data::gaussian);
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
  const std::size_t x = 0, w = 1;
  ASSERT_EQ(b.operands[w].name, "w");
  for (int i = 0; i < 9; i++) b.buffers[x].store(i, 1);
  const auto sum = [&](double weight, std::uint64_t id, std::uint64_t version) {
    for (int i = 0; i < 9; i++) b.buffers[w].store(i, weight);
    b.args.w.id = id, b.args.w.version = version;
    run_on_device(winograd_row(DType::f32), b, ctx);
    for (std::size_t i = 0; i < b.operands.size(); i++)
      if (b.operands[i].name == "y") return b.buffers[i].load(0);
    return 0.0;
  };
  EXPECT_NEAR(sum(1, 7, 0), 9, 1e-5);
  EXPECT_NEAR(sum(2, 7, 0), 9, 1e-5);
  EXPECT_NEAR(sum(2, 7, 1), 18, 1e-5);
  EXPECT_NEAR(sum(3, 0, 1), 27, 1e-5);
  EXPECT_NEAR(sum(4, 0, 1), 36, 1e-5);
}

/// Which row a layer gets where nothing has been measured.
TEST(WinogradOnGpu, PaysWhereChannelsAreMany) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
  const auto chosen = [&](DType t, std::int64_t side, std::int64_t channels, PadMode mode) {
    Conv2dForward a{.d = {.H = side, .W = side, .C = channels, .K = channels, .R = 3, .S = 3, .pad = Pad4::all(1)}};
    a.d.pad_mode = mode, a.x.dtype = t;
    return select(a, ctx).name;
  };
  EXPECT_EQ(chosen(DType::f32, 64, 256, PadMode::zero), "winograd");
  EXPECT_EQ(chosen(DType::f32, 256, 16, PadMode::zero), "implicit_gemm");
  EXPECT_EQ(chosen(DType::f32, 16, 512, PadMode::zero), "implicit_gemm");  // 16 tiles, for products of 64 rows
  EXPECT_EQ(chosen(DType::f16, 128, 256, PadMode::reflect), "winograd_2x2");
  EXPECT_EQ(chosen(DType::f16, 128, 256, PadMode::zero), "implicit_gemm_wgmma");
  EXPECT_EQ(chosen(DType::f16, 128, 512, PadMode::zero), "winograd_2x2");
  EXPECT_EQ(chosen(DType::bf16, 128, 512, PadMode::zero), "implicit_gemm_wgmma");
}

}  // namespace
}  // namespace sumi::test
