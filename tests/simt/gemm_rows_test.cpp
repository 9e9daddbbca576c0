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

using Alone = cuda::WgmmaShapes<cuda::WgmmaShape<128, 256>, cuda::WgmmaShape<256, 128>, cuda::WgmmaShape<128, 128>,
                                cuda::WgmmaShape<256, 64>>;
using Paired = cuda::WgmmaShapes<cuda::WgmmaShape<128, 256, 2>, cuda::WgmmaShape<128, 128, 2>>;

/// What an H100 gets for M x N results of so many steps of 64.
template <class Shapes = Alone>
Choice chosen(std::int64_t M, std::int64_t N, int steps) {
  using namespace cuda;
  Choice c{};
  with_tiles(Shapes{}, 1, M, N, steps, 132, [&]<class Shape>(Shape, const WgmmaGrid& g) {
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

/// Pairs of blocks count as one: 66 work at once, and fill a GPU by shares of k.
TEST(WgmmaTiles, OfPairs) {
  EXPECT_EQ(chosen<Paired>(4096, 4096, 64), (Choice{128, 256, 1}));
  EXPECT_EQ(chosen<Paired>(2048, 2048, 32), (Choice{128, 256, 1}));  // 64 pairs: one round
  EXPECT_EQ(chosen<Paired>(1024, 1024, 16), (Choice{128, 128, 2}));  // 32 pairs
  EXPECT_EQ(chosen<Paired>(128, 128, 8), (Choice{128, 128, 1}));     // a pair of which one is empty
  using Pair = cuda::WgmmaShape<128, 256, 2>;
  const cuda::WgmmaGrid odd = cuda::wgmma_grid<Pair>(1, 3 * 128, 512, 8);
  EXPECT_EQ(odd.m_tiles, 2);
  EXPECT_EQ(odd.tiles(), 4u);
  EXPECT_EQ(cuda::wgmma_traffic<Pair>(odd, 132), 8 * 32 * 1024 + 128 * 256 * 2);
}

}  // namespace
}  // namespace sumi::test
