// The window attributes that convolutions and pooling share.
#pragma once
#include <algorithm>

#include "kernels/core/shapes.h"
#include "tests/onnx/operators.h"

namespace sumi::test::onnx {

struct Window {
  std::vector<std::int64_t> sides;
  int stride, dilation;

  Window(const Node& n, const std::vector<std::int64_t>& kernel) : sides(n.integers("kernel_shape", kernel)) {
    need(sides.size() == 2, concat(sides.size(), " spatial sides"));
    const auto strides = n.integers("strides", {1, 1}), dilations = n.integers("dilations", {1, 1});
    need(strides[0] == strides[1], "different strides");
    need(dilations[0] == dilations[1], "different dilations");
    stride = static_cast<int>(strides[0]), dilation = static_cast<int>(dilations[0]);
  }

  Pad4 padding(const Node& n, std::int64_t H, std::int64_t W) const {
    const std::string automatic = n.text("auto_pad", "NOTSET");
    if (automatic.starts_with("SAME")) {
      const auto total = [&](std::int64_t size, std::int64_t r) {
        const std::int64_t out = (size + stride - 1) / stride;
        return static_cast<int>(std::max<std::int64_t>(0, (out - 1) * stride + dilation * (r - 1) + 1 - size));
      };
      const int h = total(H, sides[0]), w = total(W, sides[1]);
      if (automatic == "SAME_UPPER") return {h / 2, h - h / 2, w / 2, w - w / 2};
      return {h - h / 2, h / 2, w - w / 2, w / 2};
    }
    const auto pads = n.integers("pads", {0, 0, 0, 0});  // top, left, bottom, right
    const auto at = [&](std::size_t i) { return static_cast<int>(pads[i]); };
    return {at(0), at(2), at(1), at(3)};
  }
};

}  // namespace sumi::test::onnx
