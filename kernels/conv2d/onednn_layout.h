// The dims and layouts of this engine in oneDNN's words. Included only by files named onednn*.cpp.
#pragma once
#include <algorithm>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/onednn.h"

namespace sumi::onednn {

using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;
using Format = dnnl::memory::format_tag;

/// A dense N,H,W,C activation.
inline Desc activation(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, dnnl::memory::data_type t) {
  return {{N, C, H, W}, t, Format::nhwc};
}

/// The filter's dims; oneDNN wants a leading group dim where there are groups.
inline Dims filter_dims(const Conv2dDims& d) {
  if (d.groups == 1) return {d.K, d.C, d.R, d.S};
  return {d.groups, d.Kg(), d.Cg(), d.R, d.S};
}

/// The filter as it stands: K,R,S,C/groups.
inline Desc plain_filter(const Conv2dDims& d, dnnl::memory::data_type t) {
  const std::int64_t Cg = d.Cg(), row = d.S * Cg, filter = d.R * row;
  if (d.groups == 1) return {filter_dims(d), t, Dims{filter, 1, row, Cg}};
  return {filter_dims(d), t, Dims{d.Kg() * filter, filter, 1, row, Cg}};
}

/// The filter in `format`, or in the layout the library likes best.
inline Desc filter(const Conv2dDims& d, dnnl::memory::data_type t, const Desc* format) {
  return format ? *format : Desc(filter_dims(d), t, Format::any);
}

inline Dims strides(const Conv2dDims& d) { return {d.stride_h, d.stride_w}; }
/// oneDNN counts the pixels skipped.
inline Dims dilations(const Conv2dDims& d) { return {d.dilation_h - 1, d.dilation_w - 1}; }

/// True when every output row reads the image: no side has more padding than the filter reaches over. The cuts into
/// pieces count on it, since a piece of padding alone would leave the library nothing to read.
inline bool reads_image_everywhere(const Conv2dDims& d) {
  const std::int64_t rows = d.dilation_h * (d.R - 1), columns = d.dilation_w * (d.S - 1);
  return std::max(d.pad.top, d.pad.bottom) <= rows && std::max(d.pad.left, d.pad.right) <= columns;
}

/// User scratchpad: the memory comes from the context's pool.
inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

}  // namespace sumi::onednn
