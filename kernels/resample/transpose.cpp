#include "kernels/resample/transpose.h"

#include "kernels/core/parallel.h"

namespace sumi {
namespace {

/// One row of the small image, [W, C*b*b], and the b rows of the large one, [b, W*b, C]: a pixel's C x b*b matrix is
/// transposed, and its row (i, j) goes to large row i, column j. The constant block (0: any) unrolls the inner loops.
template <class U, int kBlock>
void shuffle_row(const U* x, U* y, std::int64_t W, std::int64_t C, int block, bool inverse) {
  const std::int64_t b = kBlock ? kBlock : block;
  for (std::int64_t w = 0; w < W; w++) {
    const std::int64_t small = w * C * b * b;
    for (std::int64_t i = 0; i < b; i++)
      for (std::int64_t j = 0; j < b; j++) {
        const std::int64_t large = (i * W * b + w * b + j) * C, from = small + i * b + j;
        if (inverse)
          for (std::int64_t c = 0; c < C; c++) y[from + c * b * b] = x[large + c];
        else
          for (std::int64_t c = 0; c < C; c++) y[large + c] = x[from + c * b * b];
      }
  }
}

template <class U>
void shuffle(const PixelShuffle& a, Context& ctx) {
  const std::int64_t row = a.d.W * a.d.C, C = a.d.C / a.block / a.block;
  parallel_for(ctx, a.d.N * a.d.H, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin; h < end; h++) {
      const U* x = a.x.as<U>() + h * row;
      U* y = a.y.as<U>() + h * row;
      if (a.block == 2)
        shuffle_row<U, 2>(x, y, a.d.W, C, 2, a.inverse);
      else if (a.block == 4)
        shuffle_row<U, 4>(x, y, a.d.W, C, 4, a.inverse);
      else
        shuffle_row<U, 0>(x, y, a.d.W, C, a.block, a.inverse);
    }
  });
}

}  // namespace

void pixel_shuffle_transpose(const PixelShuffle& a, Context& ctx) {
  size_of(a.dtype()) == 2 ? shuffle<std::uint16_t>(a, ctx) : shuffle<std::uint32_t>(a, ctx);
}

}  // namespace sumi
