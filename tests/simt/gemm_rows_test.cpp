#include "kernels/gemm/cases.h"
#include "kernels/gemm/wgmma_grid.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Gemm>(DeviceKind::cuda);

struct Choice {
  int M, N, splits;
  bool operator==(const Choice&) const = default;
};

/// What an H100 gets for M x N results of so many steps of 64.
Choice chosen(std::int64_t M, std::int64_t N, int steps) {
  using namespace cuda;
  Choice c{};
  with_tiles<WgmmaShape<128, 256>, WgmmaShape<256, 128>, WgmmaShape<128, 128>, WgmmaShape<256, 64>>(
      1, M, N, steps, 132, [&]<class Shape>(Shape, const WgmmaGrid& g) {
        c = {Shape::M, Shape::N, g.splits};
      });
  return c;
}

TEST(WgmmaTiles, MoveLeast) {
  EXPECT_EQ(chosen(65536, 64, 9), (Choice{256, 64, 1}));    // 2 rounds instead of 4
  EXPECT_EQ(chosen(65536, 128, 9), (Choice{256, 128, 1}));  // 2 instead of 4
  EXPECT_EQ(chosen(65536, 256, 36), (Choice{128, 256, 1}));
  EXPECT_EQ(chosen(65536, 384, 36), (Choice{256, 128, 1}));  // three whole tiles instead of two, one half empty
  EXPECT_EQ(chosen(16384, 128, 18), (Choice{128, 128, 1}));  // one round of 128 tiles
  EXPECT_EQ(chosen(2048, 2048, 32), (Choice{128, 256, 1}));  // the same
  EXPECT_EQ(chosen(1024, 1024, 16), (Choice{128, 128, 2}));
  EXPECT_EQ(chosen(256, 64, 9), (Choice{128, 128, 1}));
}

}  // namespace
}  // namespace sumi::test
