#include "kernels/conv2d/pieces.h"

#include <algorithm>

namespace sumi {

std::vector<Piece> cut_pieces(std::int64_t N, std::int64_t rows, std::int64_t count) {
  std::vector<Piece> pieces;
  if (count <= N) {
    for (std::int64_t i = 0; i < count; i++) {
      const std::int64_t begin = N * i / count, end = N * (i + 1) / count;
      pieces.push_back({begin, end - begin, 0, rows});
    }
    return pieces;
  }
  const std::int64_t each = std::min(rows, (count + N - 1) / N);
  for (std::int64_t n = 0; n < N; n++)
    for (std::int64_t i = 0; i < each; i++) {
      const std::int64_t begin = rows * i / each, end = rows * (i + 1) / each;
      pieces.push_back({n, 1, begin, end - begin});
    }
  return pieces;
}

std::int64_t piece_count(double flops, double bytes) {
  constexpr double kFlops = 8e6, kBytes = 768e3;
  const auto most = static_cast<std::int64_t>(flops / kFlops), wanted = static_cast<std::int64_t>(bytes / kBytes);
  if (most < 8) return std::max<std::int64_t>(1, most);
  return std::clamp<std::int64_t>((wanted + 7) / 8 * 8, 8, most / 8 * 8);
}

std::vector<TransposedPiece> cut_transposed(const Conv2dDims& d, std::int64_t count) {
  // Row h takes part in output row p at tap r when h + top = p * stride + r * dilation. Cutting h + top at multiples of
  // the stride keeps every piece's own top padding non-negative.
  const std::int64_t s = d.stride_h, reach = d.dilation_h * (d.R - 1), top = d.pad.top;
  std::vector<TransposedPiece> pieces;
  for (const Piece& units : cut_pieces(d.N, (d.H + top + s - 1) / s, count)) {
    const std::int64_t begin = std::max<std::int64_t>(0, units.begin * s - top);
    const std::int64_t end = std::min(d.H, (units.begin + units.rows) * s - top);
    if (end <= begin) continue;
    TransposedPiece t{{units.n, units.images, begin, end - begin}};
    const std::int64_t first = std::max<std::int64_t>(0, (begin + top - reach + s - 1) / s);
    const std::int64_t last = std::min(d.P() - 1, (end - 1 + top) / s);
    if (last < first) {  // rows below the last tap, fewer than the stride: they join the piece above
      pieces.back().large.rows += end - begin;
      pieces.back().bottom -= static_cast<int>(end - begin);
      continue;
    }
    t.begin = first, t.rows = last - first + 1;
    t.top = static_cast<int>(begin + top - first * s);
    t.bottom = static_cast<int>((t.rows - 1) * s + reach + 1 - (end - begin) - t.top);
    pieces.push_back(t);
  }
  return pieces;
}

}  // namespace sumi
