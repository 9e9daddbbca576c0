// Shapes for tests (awkward) and benchmarks (realistic) of the three conv2d tables.
#pragma once
#include <array>

#include "kernels/conv2d/conv2d.h"
#include "kernels/core/case.h"

namespace sumi {

inline std::vector<Conv2dDims> awkward_conv2d_dims() {
  return {
      {.N = 1, .H = 1, .W = 1, .C = 1, .K = 1},
      {.N = 2, .H = 5, .W = 7, .C = 3, .K = 4, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 1, .H = 9, .W = 6, .C = 4, .K = 6, .R = 3, .S = 3, .stride_h = 2, .stride_w = 2, .pad = {0, 1, 0, 1}},
      {.N = 1, .H = 8, .W = 8, .C = 4, .K = 8, .R = 2, .S = 3, .dilation_h = 2, .groups = 2, .pad = {1, 0, 2, 1}},
      {.N = 2, .H = 6, .W = 5, .C = 7, .K = 7, .R = 3, .S = 3, .groups = 7, .pad = {0, 2, 1, 0}},
      {.N = 1, .H = 9, .W = 8, .C = 6, .K = 9, .R = 2, .S = 2, .stride_h = 3, .stride_w = 2, .groups = 3},
      // Several tiles of 128 pixels and of 128 channels, with channels in whole runs of 8.
      {.N = 2, .H = 19, .W = 21, .C = 24, .K = 40, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 1, .H = 22, .W = 26, .C = 16, .K = 136, .R = 4, .S = 4, .stride_h = 2, .stride_w = 2, .pad = Pad4::all(1)},
  };
}

/// What breaks tiles of 4x4 pixels and groups of 16 channels: one below, at and above, every side padded otherwise,
/// images smaller than a tile (several in one chunk of tiles), more than one chunk, more than one block of channels;
/// larger filters in 3x3 parts, the last of which has one row, or column, of taps, or two, or three.
inline std::vector<Conv2dDims> awkward_winograd_dims() {
  const auto dims = [](std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t K, Pad4 pad,
                       PadMode mode = PadMode::zero, std::int64_t R = 3, std::int64_t S = 3) {
    return Conv2dDims{.N = N, .H = H, .W = W, .C = C, .K = K, .R = R, .S = S, .pad = pad, .pad_mode = mode};
  };
  return {
      dims(1, 1, 1, 1, 1, Pad4::all(1)),
      dims(3, 3, 1, 3, 15, Pad4::all(1), PadMode::replicate),
      dims(2, 4, 4, 16, 16, Pad4::all(1), PadMode::reflect),
      dims(1, 5, 3, 17, 33, {2, 0, 1, 2}),
      dims(1, 13, 13, 15, 17, {0, 1, 2, 1}, PadMode::reflect),
      dims(3, 13, 5, 33, 16, {1, 2, 0, 2}, PadMode::replicate),
      dims(2, 6, 4, 16, 31, {}),
      dims(1, 29, 26, 5, 3, {2, 2, 0, 1}),
      dims(3, 9, 9, 65, 2, Pad4::all(1)),
      dims(2, 9, 6, 2, 67, Pad4::all(1), PadMode::reflect),
      dims(2, 7, 5, 17, 33, Pad4::all(2), PadMode::reflect, 5, 5),
      dims(1, 13, 11, 16, 5, Pad4::all(3), PadMode::reflect, 7, 7),
      dims(3, 6, 9, 15, 18, {2, 3, 4, 1}, PadMode::replicate, 7, 5),
      dims(1, 5, 3, 33, 16, Pad4::all(4), PadMode::zero, 9, 9),
      dims(1, 8, 6, 3, 66, {5, 0, 1, 3}, PadMode::zero, 4, 6),
  };
}

inline void append_awkward_winograd(std::vector<Case<Conv2dForward>>& cases) {
  for (const Conv2dDims& d : awkward_winograd_dims()) {
    Conv2dForward a{.d = d};
    a.epilogue.act = Map::relu;
    cases.push_back({a, {"scale", "shift", "residual", "mean", "var"}});
    a.prologue = {.act = Map::leaky_relu, .a = 0.2};
    a.epilogue.act = Map::leaky_relu, a.epilogue.a = 0.1;
    cases.push_back({a});
    a.prologue.act = Map::relu, a.epilogue.act = Map::identity;
    cases.push_back({a, {"bias", "residual"}});
  }
}

inline void append_awkward_winograd(std::vector<Case<Conv2dBackwardInput>>& cases) {
  for (Conv2dDims d : awkward_winograd_dims()) {
    d.pad_mode = PadMode::zero;
    Conv2dBackwardInput a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.prologue = {.act = Map::leaky_relu, .a = 0.2};
    a.epilogue.act = Map::relu;
    cases.push_back({a});
  }
}

/// Thin, narrow, strided, grouped and depthwise shapes around the tiles of the direct rows: 14 or 6 pixels by 8, 16 or
/// 32 channels.
inline std::vector<Conv2dDims> awkward_direct_dims() {
  const auto dims = [](std::array<std::int64_t, 4> nhwc, std::array<std::int64_t, 3> krs, Pad4 pad,
                       PadMode mode = PadMode::zero) {
    return Conv2dDims{.N = nhwc[0],
                      .H = nhwc[1],
                      .W = nhwc[2],
                      .C = nhwc[3],
                      .K = krs[0],
                      .R = krs[1],
                      .S = krs[2],
                      .pad = pad,
                      .pad_mode = mode};
  };
  const auto with = [](Conv2dDims d, int stride, int dilation, int groups) {
    d.stride_h = d.stride_w = stride, d.dilation_h = d.dilation_w = dilation, d.groups = groups;
    return d;
  };
  std::vector<Conv2dDims> list{
      dims({1, 3, 17, 1}, {33, 3, 3}, Pad4::all(1)),
      dims({2, 6, 15, 3}, {17, 7, 7}, Pad4::all(3), PadMode::reflect),
      dims({1, 4, 5, 3}, {32, 9, 9}, Pad4::all(4)),
      dims({1, 4, 5, 17}, {3, 9, 9}, Pad4::all(4), PadMode::replicate),
      dims({2, 7, 29, 33}, {3, 7, 7}, {2, 3, 4, 1}, PadMode::reflect),
      dims({1, 9, 16, 5}, {1, 3, 3}, Pad4::all(1)),
      dims({9, 9, 2, 3}, {40, 3, 3}, Pad4::all(1), PadMode::reflect),  // more tiles of 8 rows than blocks
      dims({9, 9, 2, 4}, {8, 3, 2}, Pad4::all(1)),
      dims({1, 3, 35, 3}, {24, 2, 5}, {0, 1, 3, 1}, PadMode::replicate),  // and of 32 columns
      dims({1, 9, 9, 3}, {8, 9, 10}, Pad4::all(4)),                       // 270 elements of a window
      dims({2, 10, 34, 16}, {3, 3, 3}, Pad4::all(1)),
      dims({1, 5, 1, 8}, {2, 3, 3}, Pad4::all(1)),
      dims({2, 7, 11, 24}, {3, 5, 3}, {2, 1, 0, 1}, PadMode::reflect),
      dims({1, 4, 6, 32}, {4, 3, 3}, Pad4::all(1)),
      dims({1, 5, 9, 8}, {1, 3, 3}, Pad4::all(1)),
      dims({1, 6, 6, 512}, {16, 2, 2}, {0, 0, 1, 0}),
      dims({5, 12, 7, 40}, {3, 7, 9}, {2, 3, 4, 1}),  // more pieces of 4 rows than blocks
      dims({5, 1, 1, 1}, {4224, 1, 1}, {}),           // three tiles for a block of 32 channels
      dims({1, 5, 66, 24}, {3, 2, 6}, {2, 3, 0, 4}),  // two strips of 64; rows that read none of the image
      with(dims({1, 8, 13, 6}, {4, 3, 3}, Pad4::all(2)), 1, 2, 1),
      with(dims({1, 19, 37, 3}, {8, 4, 3}, Pad4::all(1)), 2, 1, 1),
      with(dims({1, 11, 31, 16}, {64, 3, 3}, Pad4::all(1)), 2, 1, 1),
      with(dims({1, 8, 10, 9}, {65, 4, 4}, Pad4::all(1)), 2, 1, 1),
      with(dims({1, 10, 11, 4}, {5, 2, 5}, {0, 2, 1, 0}), 3, 1, 1),
      with(dims({2, 6, 9, 34}, {68, 3, 3}, Pad4::all(2)), 1, 2, 2),
      with(dims({1, 10, 13, 20}, {12, 3, 2}, {1, 1, 0, 1}), 1, 1, 4),
      with(dims({2, 5, 6, 17}, {17, 3, 3}, Pad4::all(1)), 1, 1, 17),
      with(dims({1, 9, 18, 64}, {64, 3, 3}, {0, 1, 0, 1}), 2, 1, 64),
      with(dims({1, 7, 5, 4}, {4, 5, 3}, {4, 4, 2, 2}, PadMode::replicate), 1, 2, 4),
  };
  // More padding than the filter reaches over: output rows and columns that read none of the image.
  list.push_back(dims({3, 5, 4, 6}, {5, 1, 1}, {2, 1, 0, 3}));
  list.push_back(with(dims({2, 1, 7, 3}, {18, 3, 3}, {3, 0, 0, 4}), 2, 1, 1));
  list.push_back(with(dims({2, 5, 2, 17}, {17, 2, 4}, {0, 2, 2, 4}), 2, 1, 17));
  list.push_back(dims({1, 7, 7, 6}, {9, 1, 1}, {}));
  list.back().stride_h = 2, list.back().stride_w = 3;
  return list;
}

/// 1x1 convolutions whose pieces of work differ by a row: cuts of 8 MFLOP leave one or two rows each.
inline std::vector<Conv2dDims> uneven_pointwise_dims() {
  return {
      {.N = 1, .H = 5, .W = 28, .C = 128, .K = 512},
      {.N = 1, .H = 9, .W = 28, .C = 128, .K = 512},
      {.N = 1, .H = 11, .W = 20, .C = 256, .K = 256},
  };
}

/// Channels in whole chunks of 16 bytes around 64 of them, windows that start and end inside and outside the image,
/// more padding than the filter reaches over, columns of pixels that cross rows and images, a sum shared among blocks,
/// phases of which one has a quarter of another's sum, several tiles of 256 pixels and shares of the sum over pixels.
inline std::vector<Conv2dDims> awkward_column_dims() {
  return {
      {.N = 2, .H = 9, .W = 11, .C = 24, .K = 40, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 3, .H = 10, .W = 7, .C = 64, .K = 16, .R = 3, .S = 2, .stride_h = 2, .stride_w = 3, .pad = {1, 0, 2, 1}},
      {.N = 1,
       .H = 12,
       .W = 13,
       .C = 8,
       .K = 136,
       .R = 2,
       .S = 3,
       .dilation_h = 3,
       .dilation_w = 2,
       .pad = {0, 2, 3, 0}},
      {.N = 5, .H = 4, .W = 3, .C = 200, .K = 264, .pad = {2, 1, 0, 3}},
      {.N = 1, .H = 4, .W = 4, .C = 512, .K = 8, .R = 3, .S = 3, .pad = Pad4::all(1)},
      {.N = 1, .H = 3, .W = 4, .C = 8, .K = 512, .R = 3, .S = 3, .stride_h = 2, .stride_w = 2, .pad = Pad4::all(1)},
      {.N = 2, .H = 21, .W = 23, .C = 72, .K = 72, .R = 3, .S = 2, .pad = {1, 1, 0, 1}},
  };
}

template <class Args>
void append_awkward_columns(std::vector<Case<Args>>& cases) {
  for (const Conv2dDims& d : awkward_column_dims()) {
    Args a{.d = d};
    cases.push_back({a, {"scale", "shift", "residual"}});
    a.epilogue.act = Map::leaky_relu, a.epilogue.a = 0.1;
    cases.push_back({a, {"scale", "shift", "mean", "var"}});
  }
}

/// Images that end within a tile's rows of pixels, for statistics at the store: of one pixel, of a few, of more than a
/// tile; an odd number of channels; a stride whose phases have images of different sizes.
template <class Args>
void append_awkward_images(std::vector<Case<Args>>& cases) {
  const Conv2dDims all[] = {
      {.N = 70, .H = 1, .W = 1, .C = 16, .K = 24},
      {.N = 41, .H = 1, .W = 7, .C = 8, .K = 33},
      {.N = 7, .H = 6, .W = 15, .C = 8, .K = 72},
      {.N = 9, .H = 9, .W = 7, .C = 24, .K = 16, .R = 3, .S = 3, .stride_h = 2, .stride_w = 2, .pad = Pad4::all(1)},
  };
  for (const Conv2dDims& d : all) cases.push_back({Args{.d = d}, {"scale", "shift", "residual"}});
}

/// The mixed and the direct dims; only zero-padded ones where that is all an op knows.
inline std::vector<Conv2dDims> all_awkward_dims(bool zero_padded) {
  std::vector<Conv2dDims> list = awkward_conv2d_dims();
  for (const Conv2dDims& d : awkward_direct_dims())
    if (!zero_padded || d.pad_mode == PadMode::zero) list.push_back(d);
  return list;
}

template <>
inline std::vector<Case<Conv2dForward>> Cases<Conv2dForward>::awkward() {
  std::vector<Case<Conv2dForward>> cases;
  for (const Conv2dDims& d : all_awkward_dims(false)) {
    Conv2dForward a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.epilogue.act = Map::relu;
    cases.push_back({a, {"scale", "shift", "residual", "mean", "var"}});
    a.prologue.act = Map::leaky_relu;
    a.prologue.a = 0.2;
    a.epilogue.act = static_cast<Map>(cases.size() / 3 % 5), a.epilogue.a = 0.1;  // every activation in turn
    cases.push_back({a});
  }
  append_awkward_winograd(cases);
  append_awkward_columns(cases);
  append_awkward_images(cases);
  return cases;
}

template <>
inline std::vector<Case<Conv2dBackwardInput>> Cases<Conv2dBackwardInput>::awkward() {
  std::vector<Case<Conv2dBackwardInput>> cases;
  for (const Conv2dDims& d : all_awkward_dims(true)) {
    Conv2dBackwardInput a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.prologue.act = Map::relu;
    cases.push_back({a, {"residual"}});
  }
  append_awkward_winograd(cases);
  append_awkward_columns(cases);
  append_awkward_images(cases);
  return cases;
}

template <>
inline std::vector<Case<Conv2dBackwardWeight>> Cases<Conv2dBackwardWeight>::awkward() {
  std::vector<Case<Conv2dBackwardWeight>> cases;
  for (const Conv2dDims& d : all_awkward_dims(false)) {
    cases.push_back({Conv2dBackwardWeight{.d = d}, {"dbias"}});
    cases.push_back({Conv2dBackwardWeight{.d = d}});
  }
  for (const Conv2dDims& d : awkward_column_dims()) cases.push_back({Conv2dBackwardWeight{.d = d}});
  return cases;
}

/// The layers of the networks that paint and train here, at 256x256 (batch 1) and 64x64 (batch 16): VGG-19 (zero pads),
/// fast-style-transfer and CartoonGAN (reflecting pads, stride 2, 9x9, 7x7), AnimeGANv2 (asymmetric pads, 1x1,
/// depthwise), DCGAN (4x4, stride 2).
inline std::vector<Conv2dDims> realistic_conv2d_dims() {
  const auto square = [](std::int64_t N, std::int64_t H, std::int64_t C, std::int64_t K, std::int64_t R, int stride,
                         Pad4 pad, PadMode mode = PadMode::zero, int groups = 1) {
    return Conv2dDims{.N = N,
                      .H = H,
                      .W = H,
                      .C = C,
                      .K = K,
                      .R = R,
                      .S = R,
                      .stride_h = stride,
                      .stride_w = stride,
                      .groups = groups,
                      .pad = pad,
                      .pad_mode = mode};
  };
  const Pad4 one = Pad4::all(1), after{0, 1, 0, 1};
  const PadMode reflect = PadMode::reflect;
  return {
      square(1, 16, 64, 64, 3, 1, one),  // whole tiles of every rung, small enough for the emulator's report
      square(1, 16, 64, 64, 3, 1, one, reflect),
      square(1, 32, 32, 64, 4, 2, one),
      square(1, 32, 3, 32, 9, 1, Pad4::all(4), reflect),
      square(1, 32, 32, 3, 9, 1, Pad4::all(4), reflect),
      square(1, 32, 64, 64, 3, 1, one, PadMode::zero, 64),
      square(1, 256, 3, 64, 3, 1, one),  // VGG-19
      square(1, 256, 64, 64, 3, 1, one),
      square(1, 128, 64, 128, 3, 1, one),
      square(1, 128, 128, 128, 3, 1, one),
      square(1, 64, 128, 256, 3, 1, one),
      square(1, 64, 256, 256, 3, 1, one),
      square(1, 32, 256, 512, 3, 1, one),
      square(1, 32, 512, 512, 3, 1, one),
      square(1, 16, 512, 512, 3, 1, one),
      square(1, 256, 3, 32, 9, 1, Pad4::all(4), reflect),  // fast-style-transfer
      square(1, 256, 32, 64, 3, 2, one, reflect),
      square(1, 128, 64, 128, 3, 2, one, reflect),
      square(1, 64, 128, 128, 3, 1, one, reflect),
      square(1, 128, 128, 64, 3, 1, one, reflect),
      square(1, 256, 64, 32, 3, 1, one, reflect),
      square(1, 256, 32, 3, 9, 1, Pad4::all(4), reflect),
      square(1, 256, 3, 64, 7, 1, Pad4::all(3), reflect),  // CartoonGAN
      square(1, 256, 64, 128, 3, 2, one),
      square(1, 64, 256, 256, 3, 1, one, reflect),
      square(1, 256, 64, 3, 7, 1, Pad4::all(3), reflect),
      square(1, 256, 32, 64, 3, 2, after, reflect),  // AnimeGANv2
      square(1, 64, 128, 256, 1, 1, {}),
      square(1, 64, 512, 512, 3, 1, one, reflect, 512),
      square(1, 64, 512, 256, 1, 1, {}),
      square(1, 256, 64, 32, 7, 1, Pad4::all(3), reflect),
      square(1, 256, 32, 3, 1, 1, {}),
      square(16, 64, 3, 64, 4, 2, one),  // DCGAN
      square(16, 32, 64, 128, 4, 2, one),
      square(16, 16, 128, 256, 4, 2, one),
      square(16, 8, 256, 512, 4, 2, one),
      square(16, 4, 512, 1, 4, 1, {}),
  };
}

template <>
inline std::vector<Case<Conv2dForward>> Cases<Conv2dForward>::realistic() {
  std::vector<Case<Conv2dForward>> cases;
  for (const Conv2dDims& d : realistic_conv2d_dims()) {
    Conv2dForward a{.d = d};
    cases.push_back({a, {"scale", "shift", "bias", "residual", "mean", "var"}});
    a.prologue.act = Map::relu;
    // Between two instance norms: the one's affine and activation at load, the other's statistics at store.
    if (d.pad_mode == PadMode::reflect) cases.push_back({a, {"residual"}});
  }
  return cases;
}

/// Zero padding: frameworks pad in a step of its own where it is another. Stride 2 at 64 and 32 channels of the larger
/// image are also the decoders' transposed convolutions.
template <>
inline std::vector<Case<Conv2dBackwardInput>> Cases<Conv2dBackwardInput>::realistic() {
  std::vector<Case<Conv2dBackwardInput>> cases;
  for (Conv2dDims d : realistic_conv2d_dims()) {
    d.pad_mode = PadMode::zero;
    cases.push_back({Conv2dBackwardInput{.d = d}, {"scale", "shift", "bias", "residual", "mean", "var"}});
  }
  return cases;
}

template <>
inline std::vector<Case<Conv2dBackwardWeight>> Cases<Conv2dBackwardWeight>::realistic() {
  std::vector<Case<Conv2dBackwardWeight>> cases;
  for (Conv2dDims d : realistic_conv2d_dims()) {
    d.pad_mode = PadMode::zero;
    cases.push_back({Conv2dBackwardWeight{.d = d}});
  }
  return cases;
}

}  // namespace sumi
