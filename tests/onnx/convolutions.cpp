#include "tensor/ops.h"
#include "tests/onnx/operators.h"
#include "tests/onnx/windows.h"

namespace sumi::test::onnx {
namespace {

Tensor optional_vector(const Inputs& in, std::size_t i, const ContextPtr& c) {
  return in.size() > i && !in[i].data.empty() ? to_tensor(in[i], c) : Tensor();
}

Outputs conv(const Node& n, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c), w = channels_last(in[1], c);
  const Window window(n, {in[1].dims[2], in[1].dims[3]});
  const Conv2dOptions options{.stride = window.stride,
                              .dilation = window.dilation,
                              .groups = static_cast<int>(n.integer("group", 1)),
                              .pad = window.padding(n, x.dim(1), x.dim(2))};
  return {channels_first(conv2d(x, w, optional_vector(in, 2, c), options))};
}

/// What `output_shape` and automatic padding ask for: the crop on each side, and the rows added where it is negative.
struct Crop {
  int begin = 0, end = 0, added = 0;
  Crop(std::int64_t total, bool more_at_end) {
    if (total < 0) added = static_cast<int>(-total), total = 0;
    const auto less = static_cast<int>(total / 2), more = static_cast<int>(total - total / 2);
    begin = more_at_end ? less : more, end = more_at_end ? more : less;
  }
};

Outputs conv_transpose(const Node& n, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c), w = channels_last(in[1], c);
  const Window window(n, {in[1].dims[2], in[1].dims[3]});
  const auto added = n.integers("output_padding", {0, 0});
  ConvTranspose2dOptions options{.stride = window.stride,
                                 .dilation = window.dilation,
                                 .groups = static_cast<int>(n.integer("group", 1)),
                                 .output_pad_h = static_cast<int>(added[0]),
                                 .output_pad_w = static_cast<int>(added[1])};
  const std::string automatic = n.text("auto_pad", "NOTSET");
  std::vector<std::int64_t> wanted = n.integers("output_shape", {});
  if (automatic.starts_with("SAME")) wanted = {x.dim(1) * window.stride, x.dim(2) * window.stride};
  if (wanted.empty()) {
    options.pad = window.padding(n, x.dim(1), x.dim(2));
  } else {
    const auto full = [&](std::int64_t n_in, std::int64_t r, std::int64_t more) {
      return (n_in - 1) * window.stride + window.dilation * (r - 1) + 1 + more;
    };
    const bool upper = automatic == "SAME_UPPER";
    const Crop h(full(x.dim(1), w.dim(1), added[0]) - wanted[0], upper),
        v(full(x.dim(2), w.dim(2), added[1]) - wanted[1], upper);
    options.pad = {h.begin, h.end, v.begin, v.end};
    options.output_pad_h += h.added, options.output_pad_w += v.added;
  }
  return {channels_first(conv_transpose2d(x, w, optional_vector(in, 2, c), options))};
}

}  // namespace

void add_convolutions(Operators& all) {
  all["Conv"] = conv;
  all["ConvTranspose"] = conv_transpose;
}

}  // namespace sumi::test::onnx
