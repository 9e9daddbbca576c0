// A band of image rows on its way into and out of a convolution that knows neither prologue nor epilogue. A band fits
// the second-level cache, so that the passes here cost no trip to memory.
#pragma once
#include "kernels/conv2d/conv2d.h"
#include "kernels/core/moments.h"

namespace sumi {

/// One image [H,W,C] (f32 or bf16) and what is to happen to it at load.
struct BandSource {
  const void* image;
  DType dtype;
  std::int64_t n, H, W, C;  // n: the image's number, for the prologue's scale[n,c]
  int left = 0, right = 0;  // columns of padding
  PadMode pad_mode = PadMode::zero;
};

/// out (rows, left + W + right, C), of the source's dtype: rows [begin, begin + rows) of the padded, mapped image; row
/// numbers may lie outside the image.
void stage_band(const BandSource& s, const Prologue& prologue, std::int64_t begin, std::int64_t rows, void* out);

/// to[i] = act(from[i] + bias[c] + residual[i]) over `pixels` pixels of C channels starting at element `offset` of the
/// output and the residual. `from` is f32, or the output itself; to is f32 or bf16.
void finish_band(const Epilogue& e, const float* from, const TensorRef& output, std::int64_t offset,
                 std::int64_t pixels, std::int64_t C);

/// moments[c] of `pixels` stored pixels.
void band_moments(const TensorRef& output, std::int64_t offset, std::int64_t pixels, std::int64_t C,
                  PartialMoments* moments);

/// sums[c] = sum over pixels (dbias): added to what stands there.
void add_band_sums(const TensorRef& x, std::int64_t offset, std::int64_t pixels, std::int64_t C, float* sums);

}  // namespace sumi
