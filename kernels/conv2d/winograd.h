// Winograd F(4x4,3x3) on N,H,W,C: 36 multiplications where the plain sum needs 144, and larger filters as sums of 3x3
// ones. Derivation: docs/kernels/winograd.md.
#pragma once
#include <cstddef>
#include <memory>

#include "kernels/conv2d/conv2d.h"

namespace sumi {

/// 3x3 and larger, stride 1, dilation 1, one group; any N, C, K, padding and pad mode. Activations up to leaky_relu.
/// The input gradient pads with zeros only.
bool conv2d_forward_winograd_supports(const Conv2dForward& a, const DeviceInfo& device);
bool conv2d_backward_input_winograd_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
/// Whether this beats the plain sum at 80-100 % of peak: as measured, see docs/kernels/winograd.md.
bool conv2d_forward_winograd_pays(const Conv2dForward& a, const DeviceInfo& device);
bool conv2d_backward_input_winograd_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_winograd(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_winograd(const Conv2dBackwardInput& a, Context& ctx);

namespace winograd {

/// Interpolation points 0, +-kA, +-kB, infinity. Exact in binary; the textbook's 1 and 2 make 2.5-4 times the error.
inline constexpr double kA = 0.625, kB = 1.5;
inline constexpr std::int64_t kTile = 4, kPatch = 6, kPoints = 36;  // output pixels, input pixels, products
inline constexpr std::int64_t kGroup = 16;                          // channels that lie together in scratch: 64 bytes
inline constexpr std::int64_t kPanel = 32;                          // output channels that lie together in weights
inline constexpr std::int64_t kSlot = 37 * kGroup;                  // an odd number of lines: all cache sets are used
constexpr std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

/// A filter of R x S cut in 3x3 parts, with zeros beyond R and S. Part (i, j) is a 3x3 correlation with x moved by
/// (3i, 3j); the parts share the output transform, so that their channels are one sum of count() * C products.
struct Parts {
  std::int64_t R, S;
  std::int64_t rows() const { return (R + 2) / 3; }
  std::int64_t columns() const { return (S + 2) / 3; }
  std::int64_t count() const { return rows() * columns(); }
  bool short_row() const { return R % 3 != 0; }
  bool short_column() const { return S % 3 != 0; }
  /// Multiplications per tile, channel and filter: the sum of all range(point).
  std::int64_t products() const { return (kPatch * rows() - short_row()) * (kPatch * columns() - short_column()); }

  struct Place {
    std::int64_t i, j;
  };
  /// The order: the last row without its end, all but the last row and column, the last column without its end, the
  /// corner. So whatever a point leaves out, the rest is a range.
  Place place(std::int64_t part) const {
    const std::int64_t i = rows() - 1, j = columns() - 1;
    if (part < j) return {i, part};
    if (part < j + i * j) return {(part - j) / j, (part - j) % j};
    return {part - j - i * j, j};
  }
  struct Range {
    std::int64_t begin, end;
  };
  /// The parts that point (6 u + v) multiplies: at infinity a filter's value is its third tap, zero in the last part
  /// where 3 does not divide R (S).
  Range range(std::int64_t point) const {
    const bool no_row = short_row() && point / kPatch == kPatch - 1;
    const bool no_column = short_column() && point % kPatch == kPatch - 1;
    const std::int64_t i = rows() - 1, j = columns() - 1;
    return {no_row ? j : 0, no_column ? j + i * j : count() - (no_row ? 1 : 0)};
  }
};

/// Both ops as one correlation: y[n,p,q,k] = epilogue(sum over r,s,c of prologue(x)[n,p+r-top,q+s-left,c] w[k,r,s,c]).
struct Job {
  std::int64_t N, H, W, C;  // x
  std::int64_t P, Q, K;     // y
  Parts parts;
  int top, left;  // negative where the output leaves out pixels
  PadMode pad_mode;
  TensorRef x, y;
  Prologue prologue;
  Epilogue epilogue;
  const float* weights;  // as pack() leaves them
  float* moments;        // (chunks + N - 1, 3, K rounded up to kGroup), or null: shift, sum, sum of squares
  bool stream;           // y is large: store past the caches

  // The cut into chunks of tiles, of which one thread takes one through all steps. A function of the shape only.
  std::int64_t tile_rows, tile_columns, chunks, block;  // block: output channels that are multiplied at a time
  std::int64_t tiles() const { return N * tile_rows * tile_columns; }
  std::int64_t first_tile(std::int64_t chunk) const { return tiles() * chunk / chunks; }
  std::int64_t blocks() const { return (K + block - 1) / block; }
  std::int64_t channels() const { return parts.count() * round_up(C, kGroup); }  // that a product sums
  std::int64_t moments_row() const { return 3 * round_up(K, kGroup); }
};

/// The filters, w[K,R,S,C], or, transposed, what the gradient of a w[C,R,S,K] needs (flipped, roles exchanged).
struct Filter {
  TensorRef w;
  std::int64_t C, K;
  Parts parts;
  bool transposed;
};
inline std::int64_t packed_count(const Filter& f) {
  return round_up(f.K, kPanel) * kPoints * f.parts.count() * round_up(f.C, kGroup);
}
/// U[K/32][36][part][C up to 16][32] = G w G^T, computed in double; zeros where C or K does not fill.
void pack(const Filter& f, float* packed, Context& ctx);

/// Tiles of a chunk: 3 or 7 row blocks of the micro-kernel; few channels take fewer tiles, to keep all of it in L2, and
/// so do many parts.
inline constexpr std::int64_t kMostTiles = 42;
inline std::int64_t chunk_tiles(std::int64_t C, const Parts& parts) {
  return C <= 64 || parts.count() > 1 ? 14 : kMostTiles;
}
void run(const Job& job, Context& ctx);

}  // namespace winograd
}  // namespace sumi
