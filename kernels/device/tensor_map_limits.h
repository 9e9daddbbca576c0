// The limits of tensor maps, checked by whoever encodes them.
#pragma once
#include "kernels/core/error.h"
#include "kernels/device/tensor_map.h"

namespace sumi {
namespace tensor_map_limits {

inline void check_base(const void* data) {
  check(reinterpret_cast<std::uintptr_t>(data) % 16 == 0, "tensor map: expected data on a multiple of 16 bytes");
}

inline void check_size(std::int64_t n, int dimension) {
  check(n >= 1 && n <= std::int64_t{1} << 32, "tensor map: expected 1 to 2^32 elements in dimension ", dimension,
        ", got ", n);
}

inline void check_stride(std::int64_t bytes, int dimension) {
  check(bytes >= 0 && bytes % 16 == 0 && bytes < std::int64_t{1} << 40,
        "tensor map: expected strides that are multiples of 16 bytes below 2^40, got ", bytes, " in dimension ",
        dimension);
}

inline void check_inner(std::int64_t bytes, Swizzle s) {
  check(bytes % 16 == 0, "tensor map: expected a box whose rows are multiples of 16 bytes, got ", bytes);
  check(s == Swizzle::none || bytes == span_of(s), "tensor map: expected a box of ", span_of(s),
        " bytes, the swizzle's span, got ", bytes);
}

inline void check_corner(int v) {
  check(v >= -128 && v <= 127, "tensor map: expected corners from -128 to 127, got ", v);
}

}  // namespace tensor_map_limits

/// Throws Error naming the limit that is broken and the dimension.
inline void check_limits(const TiledTensor& t) {
  using namespace tensor_map_limits;
  check(t.rank >= 1 && t.rank <= 5, "tensor map: expected 1 to 5 dimensions, got ", t.rank);
  check_base(t.data);
  for (int i = 0; i < t.rank; i++) {
    check_size(t.size[i], i);
    if (i > 0) check_stride(t.stride[i], i);
    check(t.box[i] >= 1 && t.box[i] <= 256, "tensor map: expected a box of 1 to 256 elements in dimension ", i,
          ", got ", t.box[i]);
  }
  check_inner(t.box[0] * static_cast<std::int64_t>(size_of(t.dtype)), t.swizzle);
}

inline void check_limits(const Im2colTensor& t) {
  using namespace tensor_map_limits;
  check_base(t.data);
  const std::int64_t sizes[] = {t.C, t.W, t.H, t.N};
  auto stride = static_cast<std::int64_t>(size_of(t.dtype));
  for (int i = 0; i < 4; i++) {
    check_size(sizes[i], i);
    if (i > 0) check_stride(stride, i);
    stride *= sizes[i];
  }
  for (const int corner : {t.first_h, t.first_w, t.last_h, t.last_w}) check_corner(corner);
  check(t.H + t.last_h > t.first_h && t.W + t.last_w > t.first_w, "tensor map: the window has no pixels");
  for (const int s : {t.stride_h, t.stride_w}) check(s >= 1 && s <= 8, "tensor map: expected strides 1 to 8, got ", s);
  check(t.channels >= 1 && t.channels <= 256, "tensor map: expected 1 to 256 channels, got ", t.channels);
  check(t.pixels >= 1 && t.pixels <= 1024, "tensor map: expected 1 to 1024 pixels, got ", t.pixels);
  check_inner(t.channels * static_cast<std::int64_t>(size_of(t.dtype)), t.swizzle);
}

}  // namespace sumi
