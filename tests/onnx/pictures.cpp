#include "tensor/ops.h"
#include "tests/onnx/operators.h"
#include "tests/onnx/windows.h"

namespace sumi::test::onnx {
namespace {

Operator pool(Tensor (*f)(const Tensor&, const PoolOptions&)) {
  return [f](const Node& n, const Inputs& in, const ContextPtr& c) -> Outputs {
    const Tensor x = channels_last(in[0], c);
    const Window window(n, {});
    need(window.sides[0] == window.sides[1], "a window that is not square");
    need(window.dilation == 1, "dilation");
    need(n.outputs.size() == 1, "indices of the maxima");
    const PoolOptions options{.window = static_cast<int>(window.sides[0]),
                              .stride = window.stride,
                              .pad = window.padding(n, x.dim(1), x.dim(2)),
                              .ceil_mode = n.integer("ceil_mode", 0) != 0,
                              .count_include_pad = n.integer("count_include_pad", 0) != 0};
    return {channels_first(f(x, options))};
  };
}

Outputs global_average(const Node&, const Inputs& in, const ContextPtr& c) {
  return {channels_first(global_average_pool(channels_last(in[0], c)))};
}

Outputs global_max(const Node&, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c);
  need(x.dim(1) == x.dim(2), "a window that is not square");
  const auto side = static_cast<int>(x.dim(1));
  return {channels_first(max_pool(x, {.window = side, .stride = side}))};
}

Outputs pad_image(const Node& n, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c);
  const std::string mode = n.text("mode", "constant");
  need(n.number("value", 0) == 0, "a constant other than zero");
  need(in.size() < 3 || in[2].data.empty() || in[2].data[0] == 0, "a constant other than zero");
  std::vector<std::int64_t> pads = n.integers("pads", {});
  if (in.size() > 1)
    for (const double p : in[1].data) pads.push_back(static_cast<std::int64_t>(p));
  need(pads.size() == 8 && pads[0] == 0 && pads[1] == 0 && pads[4] == 0 && pads[5] == 0, "padded batch or channels");
  const auto at = [&](std::size_t i) { return static_cast<int>(pads[i]); };
  const PadMode to = mode == "reflect" ? PadMode::reflect : mode == "edge" ? PadMode::replicate : PadMode::zero;
  return {channels_first(pad(x, {at(2), at(6), at(3), at(7)}, to))};
}

/// The output's sides from scales or sizes; scales that are not the ratio of the sides sample other points.
std::pair<std::int64_t, std::int64_t> resized(const Value& x, const Value& scales, const Value& sizes) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < 4; i++) {
    if (!sizes.data.empty()) {
      out.push_back(static_cast<std::int64_t>(sizes.data[i]));
      continue;
    }
    const double side = static_cast<double>(x.dims[i]) * scales.data[i];
    out.push_back(static_cast<std::int64_t>(side));
    need(static_cast<double>(out.back()) == side, "scales that are not the ratio of the sides");
  }
  need(out[0] == x.dims[0] && out[1] == x.dims[1], "resized batch or channels");
  return {out[2], out[3]};
}

Outputs resize(const Node& n, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c);
  const bool upsample = n.op == "Upsample";
  const Value none, &scales = in[upsample ? 1 : 2], &sizes = in.size() > 3 ? in[3] : none;
  const auto [P, Q] = resized(in[0], scales, sizes);
  const std::string mode = n.text("mode", "nearest"),
                    coordinates = n.text("coordinate_transformation_mode", upsample ? "asymmetric" : "half_pixel"),
                    rounding = n.text("nearest_mode", upsample ? "floor" : "round_prefer_floor");
  if (mode == "nearest") {
    // floor(i H / P) is also what half-pixel centres round to when the picture grows.
    const bool grows = P >= x.dim(1) && Q >= x.dim(2);
    need((coordinates == "asymmetric" && rounding == "floor") ||
             (coordinates == "half_pixel" && rounding == "round_prefer_floor" && grows),
         concat("nearest with ", coordinates, ", ", rounding, grows ? "" : ", shrinking"));
    return {channels_first(resample(x, P, Q, Interpolation::nearest))};
  }
  need(mode == "linear", concat("mode ", mode));
  need(coordinates == "half_pixel" || coordinates == "align_corners" || coordinates == "asymmetric" ||
           (coordinates == "pytorch_half_pixel" && P > 1 && Q > 1),
       concat("coordinates ", coordinates));
  const Coordinates to = coordinates == "align_corners" ? Coordinates::align_corners
                         : coordinates == "asymmetric"  ? Coordinates::asymmetric
                                                        : Coordinates::half_pixel;
  return {channels_first(resample(x, P, Q, Interpolation::bilinear, to))};
}

/// Channels in the order (first, second, third) of sides a, b, d, read as (third, first, second).
Value rotate_channels(const Value& v, std::int64_t a, std::int64_t b, std::int64_t d) {
  Value five{v.type, {v.dims[0], a, b, d, v.dims[2] * v.dims[3]}, v.data};
  Value out = permuted(five, {0, 3, 1, 2, 4});
  out.dims = v.dims;
  return out;
}

Outputs depth_to_space(const Node& n, const Inputs& in, const ContextPtr& c) {
  need(in[0].dims.size() == 4, "rank");
  const std::int64_t b = n.integer("blocksize", 1);
  const bool crd = n.text("mode", "DCR") == "CRD";
  const Value x = crd ? in[0] : rotate_channels(in[0], b, b, in[0].dims[1] / b / b);
  return {channels_first(pixel_shuffle(channels_last(x, c), static_cast<int>(b)))};
}

Outputs space_to_depth(const Node& n, const Inputs& in, const ContextPtr& c) {
  const std::int64_t b = n.integer("blocksize", 1);
  const Value y = channels_first(pixel_unshuffle(channels_last(in[0], c), static_cast<int>(b)));
  // The engine's channels are (c, i, j), ONNX's (i, j, c): two rotations.
  const std::int64_t C = in[0].dims[1];
  return {rotate_channels(rotate_channels(y, C, b, b), b, C, b)};
}

}  // namespace

void add_pictures(Operators& all) {
  all["MaxPool"] = pool(max_pool);
  all["AveragePool"] = pool(average_pool);
  all["GlobalAveragePool"] = global_average;
  all["GlobalMaxPool"] = global_max;
  all["Pad"] = pad_image;
  all["Upsample"] = all["Resize"] = resize;
  all["DepthToSpace"] = depth_to_space;
  all["SpaceToDepth"] = space_to_depth;
}

}  // namespace sumi::test::onnx
