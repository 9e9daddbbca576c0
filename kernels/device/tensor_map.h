// Tensor maps: what Hopper's copy engine (TMA) must know of a tensor in global memory and of the boxes that kernels
// take of it. Made on the host, passed by value as part of a kernel's `const __grid_constant__` parameter. The CUDA
// driver encodes them; the emulator keeps its own description in the same 128 bytes.
//
// Limits (cuda.h, cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col): base and strides multiples of 16 bytes, strides
// below 2^40, dimensions at most 2^32, boxes at most 256 a dimension, element strides at most 8, the box's inner
// dimension a multiple of 16 bytes and within the swizzle's span. Here a swizzled box is as wide as its span, so that
// rows in shared memory stand a span apart.
#pragma once
#include <cuda.h>

#include <cstdint>

#include "kernels/core/dtype.h"

namespace sumi {

/// 16-byte chunks trade places within spans of 32, 64 or 128 bytes: chunk number ^= bits 7 and up of the shared-memory
/// address (PTX ISA, "Swizzling Modes").
enum class Swizzle : std::uint8_t { none, span32, span64, span128 };
/// Bytes of a span; 0 without a swizzle.
constexpr int span_of(Swizzle s) { return s == Swizzle::none ? 0 : 16 << static_cast<int>(s); }

/// Boxes of a dense or strided tensor. Dimension 0 is contiguous.
struct TiledTensor {
  const void* data = nullptr;
  DType dtype = DType::f32;
  int rank = 2;
  std::int64_t size[5] = {1, 1, 1, 1, 1};    // elements
  std::int64_t stride[5] = {0, 0, 0, 0, 0};  // bytes from one index of dimension i to the next; [0] is not used
  int box[5] = {1, 1, 1, 1, 1};              // elements of a load or store
  Swizzle swizzle = Swizzle::none;
};

/// Columns of pixels of images (N,H,W,C). A load starts at a pixel and takes `pixels` of them: along w to the end of
/// the window, then in the window's next row, then in the next image. The window's corners are its first pixel and its
/// last, relative to the image's; both then move by the load's offsets. Pixels outside the image are zeros.
struct Im2colTensor {
  const void* data = nullptr;
  DType dtype = DType::f32;
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  int first_h = 0, first_w = 0, last_h = 0, last_w = 0;  // -128 to 127
  int stride_h = 1, stride_w = 1;                        // 1 to 8
  int channels = 1, pixels = 1;                          // of a load: at most 256, 1024
  Swizzle swizzle = Swizzle::none;
};

/// Throws Error when a limit is broken or the driver refuses.
CUtensorMap tensor_map(const TiledTensor& t);
CUtensorMap tensor_map(const Im2colTensor& t);

}  // namespace sumi
