// Cutting a convolution's output into pieces that one thread computes. The cut depends on dims only.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace sumi {

/// `images` whole images from n on, or rows [begin, begin + rows) of one image.
struct Piece {
  std::int64_t n = 0, images = 1, begin = 0, rows = 0;
};

/// About `count` pieces of N images of `rows` rows each, equal up to one row or image, in order.
std::vector<Piece> cut_pieces(std::int64_t N, std::int64_t rows, std::int64_t count);

/// How many: each with 8 MFLOP at least (70 us of a 115 GFLOP/s core, against 3 us to start a primitive) and about
/// 768 KB of input and output, then rounded up to a multiple of 8, which 2, 4 and 8 threads share evenly.
std::int64_t piece_count(double flops, double bytes);

/// The rows of the small image that a piece of the transposed convolution's large image reads, and the padding of the
/// convolution that it is the transpose of.
struct TransposedPiece {
  Piece large;
  std::int64_t begin = 0, rows = 0;
  int top = 0, bottom = 0;
};
std::vector<TransposedPiece> cut_transposed(const Conv2dDims& d, std::int64_t count);

}  // namespace sumi
