#include "kernels/conv2d/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Conv2dForward, Conv2dBackwardInput, Conv2dBackwardWeight>(DeviceKind::cuda);

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

}  // namespace
}  // namespace sumi::test
