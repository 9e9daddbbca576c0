// GPUs whose blocks may have less shared memory than an H100's: what does not fit must not be tried.
#include "kernels/conv2d/cases.h"
#include "kernels/gemm/cases.h"
#include "tests/kernels/rows.h"
#include "tests/simt/simt/machine.h"

namespace sumi::test {
namespace {

struct SmallGpu : testing::TestWithParam<std::pair<int, std::size_t>> {
  simt::Options before = simt::options();
  SmallGpu() { std::tie(simt::options().compute_capability, simt::options().shared_per_block) = GetParam(); }
  ~SmallGpu() override { simt::options() = before; }
};
INSTANTIATE_TEST_SUITE_P(Cuda, SmallGpu,
                         testing::Values(std::pair{75, std::size_t{64} << 10}, std::pair{86, std::size_t{99} << 10}),
                         [](const auto& gpu) { return concat("sm_", gpu.param.first); });

/// Every row that says that it can.
template <class Args>
void check_rows(const Case<Args>& c) {
  int rows = 0;
  for (const Variant<Args>& row : Args::table())
    for (const DType t : {DType::f32, DType::f16}) {
      if (row.device != DeviceKind::cuda || !row.dtypes.has(t) ||
          !runs_here(row, Bound<Args>(c, t, Data::gaussian).args))
        continue;
      SCOPED_TRACE(concat(row.name, ' ', name_of(t)));
      check_row(row, c, t, Data::gaussian);
      rows++;
    }
  EXPECT_GT(rows, 4);
}

TEST_P(SmallGpu, LargeTilesOfProducts) { check_rows<Gemm>({{.M = 200, .N = 232, .K = 40}}); }

TEST_P(SmallGpu, LargeTilesOfConvolutions) {
  const Conv2dDims d{.H = 15, .W = 16, .C = 136, .K = 232};
  check_rows<Conv2dForward>({{.d = d}});
  check_rows<Conv2dBackwardInput>({{.d = {.H = 15, .W = 16, .C = 232, .K = 16}}});
  check_rows<Conv2dBackwardWeight>({{.d = d}});
}

TEST_P(SmallGpu, FiltersInSharedMemory) {
  const Conv2dDims depthwise{.H = 17, .W = 16, .C = 8, .K = 8, .R = 12, .S = 10, .groups = 8, .pad = Pad4::all(2)};
  check_rows<Conv2dForward>({{.d = depthwise}});
  check_rows<Conv2dBackwardInput>({{.d = depthwise}});
  const Conv2dDims picture{.H = 12, .W = 12, .C = 4, .K = 64, .R = 11, .S = 11, .pad = Pad4::all(5)};
  check_rows<Conv2dForward>({{.d = picture}});
  check_rows<Conv2dBackwardWeight>({{.d = picture}});
  const Conv2dDims last{.H = 12, .W = 12, .C = 64, .K = 4, .R = 11, .S = 11, .pad = Pad4::all(5)};
  check_rows<Conv2dForward>({{.d = last}});
  check_rows<Conv2dBackwardWeight>({{.d = last}});
}

}  // namespace
}  // namespace sumi::test
