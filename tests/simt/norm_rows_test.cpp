#include "kernels/norm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<NormStats, NormFold, NormApply, NormBackward>(DeviceKind::cuda);

/// Gaussian data with mean 1e4 and deviation 1e-2 (as f32 holds it), against two passes in double: a sum of squares in
/// f32 would give nonsense, since 1e8 + 1e-4 needs 40 bits.
TEST(NormOnDevice, StatisticsFarFromZero) {
  for (const NormDims d : {NormDims{.HW = 10007, .C = 1}, NormDims{.N = 2, .HW = 5000, .C = 3, .groups = 3},
                           NormDims{.HW = 4096, .C = 32}, NormDims{.N = 4, .HW = 64, .C = 32, .groups = 8},
                           NormDims{.N = 3, .HW = 100, .C = 17, .groups = 17, .across_batch = true}})
    for (const auto& row : NormStats::table()) {
      if (row.device != DeviceKind::cuda) continue;
      SCOPED_TRACE(concat(row.name, ' ', d.key()));
      Bound<NormStats> b({{.d = d}}, DType::f32, Data::gaussian), exact({{.d = d}}, DType::f64, Data::gaussian);
      for (std::int64_t i = 0; i < d.count(); i++) {
        b.buffers[0].store(i, 1e4 + 1e-2 * b.buffers[0].load(i));
        exact.buffers[0].store(i, b.buffers[0].load(i));
      }
      Context ctx(ContextOptions{.device = DeviceKind::cuda, .forced_rows = "none:none"});
      run_on_device(row, b, ctx);
      run_reference(exact);
      for (std::int64_t s = 0; s < d.stats(); s++) {
        EXPECT_NEAR(b.buffers[1].load(s), exact.buffers[1].load(s), 5e-4);  // half a unit in the last place of 1e4
        EXPECT_NEAR(b.buffers[2].load(s), exact.buffers[2].load(s), exact.buffers[2].load(s) * 1e-5);
      }
    }
}

}  // namespace
}  // namespace sumi::test
