#include "kernels/pool/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<PoolForward, PoolBackward>(DeviceKind::cuda);

/// Runs every CUDA row on a window with a NaN in it (x at 22: pixel (1,1), channel 2) and on one of minus infinities.
template <class Args>
void with_special_values(std::int64_t output, std::int64_t nan_at) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const Case<Args> c{{.pooling = Pooling::max, .d = {.N = 1, .H = 4, .W = 4, .C = 4}}};
  for (const auto& row : Args::table()) {
    if (row.device != DeviceKind::cuda) continue;
    if (row.name == "separable" && Args::op == PoolBackward::op) continue;  // averages
    for (const DType t : {DType::f32, DType::bf16, DType::f16}) {
      SCOPED_TRACE(concat(row.name, ' ', name_of(t)));
      Bound<Args> got(c, t, Data::gaussian);
      got.buffers[0].store(22, static_cast<double>(nan));
      for (const std::int64_t pixel : {2, 3, 6, 7}) got.buffers[0].store(pixel * 4, static_cast<double>(-infinity));
      Bound<Args> want(c, DType::f64, Data::gaussian, &got);
      Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
      run_on_device(row, got, ctx);
      run_reference(want);
      GuardedBuffer &g = got.buffers[static_cast<std::size_t>(output)],
                    &w = want.buffers[static_cast<std::size_t>(output)];
      EXPECT_EQ(std::isnan(w.load(nan_at)), output == 1);
      for (std::int64_t i = 0; i < g.count(); i++)
        EXPECT_TRUE(g.load(i) == w.load(i) || (std::isnan(g.load(i)) && std::isnan(w.load(i)))) << i;
    }
  }
}

TEST(PoolOnDevice, NotANumberWinsAndInfinitiesHaveAFirst) {
  with_special_values<PoolForward>(1, 2);    // y's first pixel
  with_special_values<PoolBackward>(2, 22);  // dx there is dy
}

}  // namespace
}  // namespace sumi::test
