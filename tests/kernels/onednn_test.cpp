// What the oneDNN rows add to the table's own tests: problems large enough to be cut in pieces, and packed weights.
#include "kernels/conv2d/onednn.h"
#include "kernels/conv2d/cases.h"
#include "kernels/conv2d/onednn_plan.h"
#include "kernels/conv2d/pieces.h"
#include "kernels/core/onednn.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

template <class Args>
const Variant<Args>& onednn_row() {
  for (const auto& row : Args::table())
    if (row.name == "onednn" && row.device == DeviceKind::cpu) return row;
  fail("no onednn row");
}

/// 16 MFLOP and more: several bands per image, several images per piece; strides, dilation and padding that leave rows
/// which no tap reads.
std::vector<Conv2dDims> cut_dims() {
  return {
      {.N = 1, .H = 40, .W = 32, .C = 24, .K = 40, .R = 3, .S = 3, .pad = {1, 2, 0, 1}},
      {.N = 1, .H = 61, .W = 37, .C = 32, .K = 64, .R = 4, .S = 4, .stride_h = 2, .stride_w = 2, .pad = Pad4::all(1)},
      {.N = 2, .H = 47, .W = 31, .C = 64, .K = 48, .R = 3, .S = 1, .stride_h = 3, .stride_w = 2, .dilation_h = 2},
      {.N = 2, .H = 62, .W = 40, .C = 96, .K = 96, .R = 1, .S = 1, .stride_h = 2, .stride_w = 3},
      {.N = 1, .H = 5, .W = 28, .C = 128, .K = 512},
      {.N = 19, .H = 12, .W = 12, .C = 16, .K = 32, .R = 3, .S = 3, .pad = {2, 0, 0, 2}},
  };
}

template <class Args>
void check_cut(std::initializer_list<std::string_view> without) {
  for (const Conv2dDims& d : cut_dims()) {
    SCOPED_TRACE(d.key());
    const Case<Args> c{Args{.d = d}, without};
    check_row(onednn_row<Args>(), c, DType::f32, Data::integers);
  }
}

TEST(OnednnPieces, ForwardPlain) { check_cut<Conv2dForward>({"scale", "shift", "bias", "residual", "mean", "var"}); }
TEST(OnednnPieces, ForwardWithEverything) { check_cut<Conv2dForward>({}); }
TEST(OnednnPieces, BackwardInputPlain) {
  check_cut<Conv2dBackwardInput>({"scale", "shift", "bias", "residual", "mean", "var"});
}
TEST(OnednnPieces, BackwardInputWithEverything) { check_cut<Conv2dBackwardInput>({}); }
TEST(OnednnPieces, BackwardWeight) { check_cut<Conv2dBackwardWeight>({}); }

/// Pieces of one and of two rows of a 1x1 convolution want different filter layouts; asked for the other's, the library
/// falls back to plain loops.
TEST(OnednnPieces, NeverFallBackToPlainLoops) {
  std::vector<Conv2dDims> list = cut_dims();
  for (const Conv2dDims& d : uneven_pointwise_dims()) list.push_back(d);
  Context ctx;
  float any = 0;
  for (const DType t : {DType::f32, DType::bf16})
    for (const Conv2dDims& d : list) {
      SCOPED_TRACE(concat(d.key(), ' ', name_of(t)));
      if (!onednn::supports(t, ctx.device())) continue;
      const TensorRef operand{&any, t};
      const Conv2dForward f{.d = d, .x = operand, .w = operand, .y = operand};
      const auto forward = plan_forward(d, onednn::problem_of(f), onednn::engine(ctx));
      for (const onednn::Step& s : forward->steps) EXPECT_FALSE(s.plain_loops) << "forward";
      const Conv2dBackwardInput b{.d = d, .dy = operand, .w = operand, .dx = operand};
      const auto backward = plan_transposed(d, onednn::problem_of(b), onednn::engine(ctx));
      for (const onednn::Step& s : backward->steps) EXPECT_FALSE(s.plain_loops) << "backward input";
    }
}

TEST(OnednnPieces, CoverEveryRowOnce) {
  for (const std::int64_t count : {1, 2, 7, 8, 40})
    for (const Conv2dDims& d : cut_dims()) {
      std::vector<int> seen(static_cast<std::size_t>(d.N * d.H));
      for (const TransposedPiece& t : cut_transposed(d, count)) {
        EXPECT_GE(t.top, 0);
        EXPECT_GT(t.bottom, -d.stride_h);
        for (std::int64_t i = 0; i < t.large.images; i++)
          for (std::int64_t h = 0; h < t.large.rows; h++)
            seen[static_cast<std::size_t>((t.large.n + i) * d.H + t.large.begin + h)]++;
      }
      EXPECT_EQ(seen, std::vector<int>(seen.size(), 1)) << d.key() << " in " << count;
    }
}

/// A pointwise convolution of one pixel with one channel: y = x w.
struct Pixel {
  float x = 3, w = 2, y = 0;
  Conv2dForward args() { return {.d = {}, .x = {&x}, .w = {&w, DType::f32, 77, version}, .y = {&y}}; }
  std::uint64_t version = 0;
};

TEST(OnednnPackedWeights, FollowTheVersion) {
  Context ctx;
  Pixel p;
  conv2d_forward_onednn(p.args(), ctx);
  EXPECT_EQ(p.y, 6);
  p.w = 5, p.version++;
  conv2d_forward_onednn(p.args(), ctx);
  EXPECT_EQ(p.y, 15);
}

/// While the version stands, the packed copy serves: no second reorder, which would have seen the new value.
TEST(OnednnPackedWeights, AreReorderedOncePerVersion) {
  Context ctx;
  Pixel p;
  conv2d_forward_onednn(p.args(), ctx);
  p.w = 5;
  for (int i = 0; i < 3; i++) {
    conv2d_forward_onednn(p.args(), ctx);
    EXPECT_EQ(p.y, 6);
  }
}

TEST(OnednnPackedWeights, WithoutIdentityAreNeverKept) {
  Context ctx;
  Pixel p;
  Conv2dForward a = p.args();
  a.w.id = 0;
  conv2d_forward_onednn(a, ctx);
  p.w = 5;
  conv2d_forward_onednn(a, ctx);
  EXPECT_EQ(p.y, 15);
}

TEST(OnednnThreads, ScopeRestoresTheNumber) {
  const int before = omp_get_max_threads();
  {
    const onednn::ThreadScope scope(before + 1);
    EXPECT_EQ(omp_get_max_threads(), before + 1);
  }
  EXPECT_EQ(omp_get_max_threads(), before);
}

}  // namespace
}  // namespace sumi::test
