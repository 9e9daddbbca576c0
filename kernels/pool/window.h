// The part of a pooling window that lies inside the image, along one side.
#pragma once
#include <algorithm>

#include "kernels/pool/pool.h"

namespace sumi {

struct Window {
  std::int64_t begin, end;  // pixels of the image: may be empty
  std::int64_t padded;      // length inside the padded image: PyTorch's divisor with count_include_pad
};

/// Window p of a line of n pixels with `before` and `after` pixels of padding.
constexpr Window pool_window(std::int64_t p, std::int64_t n, int size, int stride, int before, int after) {
  const std::int64_t first = p * stride - before;
  return {std::max<std::int64_t>(first, 0), std::min(first + size, n), std::min(first + size, n + after) - first};
}
constexpr Window window_rows(const PoolDims& d, std::int64_t p) {
  return pool_window(p, d.H, d.R, d.stride_h, d.pad.top, d.pad.bottom);
}
constexpr Window window_columns(const PoolDims& d, std::int64_t q) {
  return pool_window(q, d.W, d.S, d.stride_w, d.pad.left, d.pad.right);
}

/// What an average divides by.
constexpr std::int64_t divisor(const PoolDims& d, const Window& rows, const Window& columns) {
  if (d.count_include_pad) return rows.padded * columns.padded;
  return std::max<std::int64_t>(1, (rows.end - rows.begin) * (columns.end - columns.begin));
}

}  // namespace sumi
