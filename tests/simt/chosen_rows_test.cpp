// Which row is taken where none is named: of several that can, one that pays.
#include "kernels/conv2d/cases.h"
#include "kernels/conv2d/rows_wgmma.h"
#include "kernels/gemm/cases.h"
#include "kernels/norm/cases.h"
#include "kernels/pool/cases.h"
#include "tests/kernels/rows.h"
#include "tests/simt/simt/machine.h"

namespace sumi::test {
namespace {

struct Choice : testing::TestWithParam<int> {
  simt::Options before = simt::options();
  Choice() { simt::options().compute_capability = GetParam(); }
  ~Choice() override { simt::options() = before; }
};
INSTANTIATE_TEST_SUITE_P(Cuda, Choice, testing::Values(75, 86, 90),
                         [](const auto& gpu) { return concat("sm_", gpu.param); });

/// The row for the case, whose operands are not touched.
template <class Args>
const Variant<Args>& chosen(const Case<Args>& c, DType t) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  Args a = c.args;
  for (const Operand& o : a.operands())
    *o.ref = c.leaves_out(o) ? TensorRef{}
                             : TensorRef{reinterpret_cast<void*>(std::uintptr_t{4096}), o.param ? param_dtype(t) : t};
  return select(a, ctx);
}

/// The plainest rung of a ladder is for learners.
template <class Args>
void expect_taken(std::string_view plainest) {
  for (const Case<Args>& c : Cases<Args>::realistic())
    for (const DType t : {DType::f32, DType::f16})
      EXPECT_NE(chosen(c, t).name, plainest) << Args::op << ' ' << c.args.key() << ' ' << name_of(t);
}

TEST_P(Choice, IsNotThePlainestRung) {
  expect_taken<Conv2dForward>("naive");
  expect_taken<Conv2dBackwardInput>("naive");
  expect_taken<Conv2dBackwardWeight>("naive");
  expect_taken<Gemm>("naive");
}

TEST_P(Choice, OfPools) {
  const PoolForward global{.d = {.H = 64, .W = 64, .C = 16, .R = 64, .S = 64}};
  EXPECT_EQ(chosen<PoolForward>({global}, DType::f16).name, "block_per_window");
  const PoolForward halved{.d = {.H = 64, .W = 64, .C = 16, .R = 2, .S = 2, .stride_h = 2, .stride_w = 2}};
  EXPECT_NE(chosen<PoolForward>({halved}, DType::f16).name, "block_per_window");
}

TEST_P(Choice, OfStatistics) {
  const NormStats instance{.d = {.HW = 4096, .C = 64, .groups = 64}}, layer{.d = {.N = 512, .HW = 4, .C = 256}};
  EXPECT_EQ(chosen<NormStats>({instance}, DType::f16).name, "split");
  EXPECT_EQ(chosen<NormStats>({layer}, DType::f16).name, "block_per_group");
}

TEST(WgmmaConvolution, SharesFiltersOfTwoHalves) {
  DeviceInfo h100;
  h100.warpgroup_products = true;
  Conv2dForward forward{.d = {.H = 16, .W = 16, .C = 64, .K = 128, .R = 3, .S = 3}};
  Conv2dBackwardInput backward{.d = {.H = 16, .W = 16, .C = 128, .K = 64, .R = 3, .S = 3}};
  EXPECT_TRUE(cuda::implicit_gemm_wgmma_multicast_pays(forward, h100));
  EXPECT_TRUE(cuda::implicit_gemm_wgmma_multicast_pays(backward, h100));
  forward.d.K = backward.d.C = 64;
  EXPECT_FALSE(cuda::implicit_gemm_wgmma_multicast_pays(forward, h100));
  EXPECT_FALSE(cuda::implicit_gemm_wgmma_multicast_pays(backward, h100));
}

TEST(WgmmaConvolution, AppliesToGradientsOfManyOutputs) {
  const Conv2dBackwardInput a{.d = {.H = 16, .W = 16, .C = 64, .K = 64, .R = 3, .S = 3}};
  DeviceInfo h100;
  h100.warpgroup_products = true;
  EXPECT_TRUE(cuda::applied_wgmma_pays(a, h100));
  Conv2dBackwardInput few = a;
  few.d.C = 32;
  EXPECT_FALSE(cuda::applied_wgmma_pays(few, h100));
}

TEST(WgmmaConvolution, LeavesStridesOfManyPhases) {
  Conv2dBackwardInput a{.d = {.H = 16, .W = 16, .C = 32, .K = 32, .R = 5, .S = 5, .stride_h = 3, .stride_w = 3}};
  DeviceInfo h100;
  h100.warpgroup_products = true;
  EXPECT_FALSE(cuda::implicit_gemm_wgmma_supports(a, h100));
  a.d.stride_w = 2;
  EXPECT_TRUE(cuda::implicit_gemm_wgmma_supports(a, h100));
}

}  // namespace
}  // namespace sumi::test
