// Winograd F(4x4,3x3) on N,H,W,C: 36 multiplications where the plain sum needs 144. Derivation:
// docs/kernels/winograd.md.
#pragma once
#include <cstddef>
#include <memory>

#include "kernels/conv2d/conv2d.h"

namespace sumi {

/// 3x3, stride 1, dilation 1, one group; any N, C, K, padding and pad mode. Activations up to leaky_relu. The input
/// gradient pads with zeros only.
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

/// Both ops as one correlation: y[n,p,q,k] = epilogue(sum over r,s,c of prologue(x)[n,p+r-top,q+s-left,c] w[k,r,s,c]).
struct Job {
  std::int64_t N, H, W, C;  // x
  std::int64_t P, Q, K;     // y
  int top, left;            // negative where the output leaves out pixels
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
  std::int64_t moments_row() const { return 3 * round_up(K, kGroup); }
};

/// The filters, w[K,3,3,C], or, transposed, what the gradient of a w[C,3,3,K] needs (flipped, roles exchanged).
struct Filter {
  TensorRef w;
  std::int64_t C, K;
  bool transposed;
};
constexpr std::int64_t packed_count(std::int64_t C, std::int64_t K) {
  return round_up(K, kPanel) * kPoints * round_up(C, kGroup);
}
/// U[K/32][36][C up to 16][32] = G w G^T, computed in double; zeros where C or K does not fill.
void pack(const Filter& f, float* packed, Context& ctx);

/// Tiles of a chunk: 3 or 7 row blocks of the micro-kernel; few channels take fewer tiles, to keep all of it in L2.
constexpr std::int64_t chunk_tiles(std::int64_t C) { return C <= 64 ? 14 : 42; }
void run(const Job& job, Context& ctx);

}  // namespace winograd
}  // namespace sumi
