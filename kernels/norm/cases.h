// Shapes for tests (awkward) and benchmarks (realistic) of the four norm tables.
#pragma once
#include "kernels/core/case.h"
#include "kernels/norm/norm.h"

namespace sumi {

/// Channel counts around the vector widths, few pixels, and each kind of norm.
inline std::vector<NormDims> awkward_norm_dims() {
  std::vector<NormDims> all;
  for (const std::int64_t C : {1, 2, 3, 15, 16, 17, 64, 65}) {
    all.push_back({.N = 3, .HW = 7, .C = C, .groups = C});                        // instance
    all.push_back({.N = 3, .HW = 2, .C = C, .groups = C, .across_batch = true});  // batch
    all.push_back({.N = 2, .HW = 7, .C = C, .groups = 1});                        // layer
  }
  all.push_back({.N = 3, .HW = 1, .C = 16, .groups = 16});
  all.push_back({.N = 1, .HW = 1, .C = 17, .groups = 1});
  all.push_back({.N = 3, .HW = 1, .C = 5, .groups = 5, .across_batch = true});
  all.push_back({.N = 3, .HW = 7, .C = 64, .groups = 4});  // group
  all.push_back({.N = 2, .HW = 2, .C = 65, .groups = 13});
  all.push_back({.N = 3, .HW = 7, .C = 6, .groups = 3, .across_batch = true});
  all.push_back({.N = 1, .HW = 2111, .C = 3, .groups = 3});  // several chunks, the last one short
  all.push_back({.N = 2, .HW = 1031, .C = 20, .groups = 5});
  all.push_back({.N = 3, .HW = 523, .C = 33, .groups = 33, .across_batch = true});
  all.push_back({.N = 1, .HW = 130, .C = 288, .groups = 3});  // groups that end inside a block of 128 or 256 channels
  return all;
}

/// Generators and discriminators at training and painting size.
inline std::vector<NormDims> realistic_norm_dims() {
  return {
      {.N = 1, .HW = 256 * 256, .C = 64, .groups = 64},
      {.N = 1, .HW = 512 * 512, .C = 32, .groups = 32},
      {.N = 1, .HW = 256 * 256, .C = 64, .groups = 1},
      {.N = 4, .HW = 64 * 64, .C = 256, .groups = 32},
      {.N = 8, .HW = 64 * 64, .C = 128, .groups = 128, .across_batch = true},
      {.N = 64, .HW = 1, .C = 1024, .groups = 1},
      {.N = 1, .HW = 32 * 32, .C = 64, .groups = 64},  // small enough for an emulated GPU
      {.N = 1, .HW = 32 * 32, .C = 64, .groups = 1},
  };
}

template <>
inline std::vector<Case<NormStats>> Cases<NormStats>::awkward() {
  std::vector<Case<NormStats>> cases;
  for (const NormDims& d : awkward_norm_dims()) cases.push_back({{.d = d}});
  return cases;
}
template <>
inline std::vector<Case<NormStats>> Cases<NormStats>::realistic() {
  std::vector<Case<NormStats>> cases;
  for (const NormDims& d : realistic_norm_dims()) cases.push_back({{.d = d}});
  return cases;
}

template <>
inline std::vector<Case<NormFold>> Cases<NormFold>::awkward() {
  std::vector<Case<NormFold>> cases;
  for (const NormDims& d : awkward_norm_dims()) {
    cases.push_back({{.d = d}, {"merged_mean", "merged_var"}});
    cases.push_back({{.d = d, .eps = 1e-3, .from_channels = true}});
    cases.push_back({{.d = d}, {"weight", "bias"}});
  }
  return cases;
}
template <>
inline std::vector<Case<NormFold>> Cases<NormFold>::realistic() {
  std::vector<Case<NormFold>> cases;
  for (const NormDims& d : realistic_norm_dims())
    cases.push_back({{.d = d, .from_channels = true}, {"merged_mean", "merged_var"}});
  return cases;
}

template <>
inline std::vector<Case<NormApply>> Cases<NormApply>::awkward() {
  std::vector<Case<NormApply>> cases;
  const std::vector<Dims4> dims{{3, 1, 1, 1},  {1, 2, 7, 2},  {2, 7, 2, 3},  {3, 3, 5, 15}, {1, 4, 4, 16},
                                {1, 3, 2, 17}, {2, 2, 3, 64}, {1, 5, 3, 65}, {1, 3, 2, 264}};
  const Map acts[] = {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid};
  std::size_t next = 0;
  for (const Dims4& d : dims)
    for (const Upsample up : {Upsample::none, Upsample::nearest2, Upsample::bilinear2}) {
      const bool mirror = d.H > 1 && d.W > 1;
      NormApply a{.d = d, .act = acts[next++ % 5], .a = 0.2, .upsample = up};
      cases.push_back({a, {"residual"}});
      a.act = acts[next++ % 5], a.pad = {1, 0, 2, 3};
      cases.push_back({a, {"scale", "shift"}});
      a.act = acts[next++ % 5], a.pad = {1, 1, 1, 0}, a.pad_mode = mirror ? PadMode::reflect : PadMode::replicate;
      cases.push_back({a});
      a.act = acts[next++ % 5], a.pad = {0, 3, 4, 1}, a.pad_mode = PadMode::replicate;
      cases.push_back({a, {"scale", "shift", "residual"}});
    }
  return cases;
}
/// What stands between two convolutions of a generator: plain, before a reflect-padded 3x3, residual, decoder, output.
template <>
inline std::vector<Case<NormApply>> Cases<NormApply>::realistic() {
  const Dims4 wide{1, 256, 256, 64}, deep{1, 64, 64, 256}, half{1, 128, 128, 64}, picture{1, 512, 512, 3},
      small{1, 32, 32, 64};
  const Pad4 one = Pad4::all(1);
  return {
      {{.d = wide, .act = Map::relu}, {"residual"}},
      {{.d = wide, .act = Map::leaky_relu, .a = 0.2, .pad = one, .pad_mode = PadMode::reflect}, {"residual"}},
      {{.d = wide}},
      {{.d = deep, .act = Map::relu, .pad = one, .pad_mode = PadMode::reflect}, {"residual"}},
      {{.d = half, .act = Map::relu, .upsample = Upsample::nearest2}, {"residual"}},
      {{.d = half, .act = Map::relu, .upsample = Upsample::bilinear2}, {"residual"}},
      {{.d = half, .act = Map::relu, .upsample = Upsample::nearest2, .pad = one, .pad_mode = PadMode::reflect},
       {"residual"}},
      {{.d = wide, .act = Map::tanh}, {"residual"}},
      {{.d = wide, .act = Map::sigmoid}, {"residual"}},
      {{.d = picture, .act = Map::tanh}, {"scale", "shift", "residual"}},
      {{.d = small, .act = Map::relu}, {"residual"}},
      {{.d = small, .act = Map::relu, .upsample = Upsample::nearest2}, {"residual"}},
      {{.d = picture, .pad = Pad4::all(4), .pad_mode = PadMode::reflect}, {"scale", "shift", "residual"}},
  };
}

/// One pixel, padding as far as it goes, sides that meet in the middle, several images of one statistic, several
/// chunks, several blocks side by side.
inline std::vector<NormBackward> awkward_padded_gradients() {
  const auto one = [](const Dims4& d, std::int64_t groups, const Pad4& pad, PadMode mode, bool across_batch = false) {
    return NormBackward{.d = {d.N, d.H * d.W, d.C, groups, across_batch}, .W = d.W, .pad = pad, .pad_mode = mode};
  };
  const PadMode zero = PadMode::zero, reflect = PadMode::reflect, replicate = PadMode::replicate;
  return {one({3, 1, 1, 1}, 1, {1, 2, 0, 3}, replicate),  one({2, 1, 1, 16}, 4, {}, zero),
          one({2, 5, 4, 3}, 3, {4, 1, 3, 2}, reflect),    one({1, 2, 3, 16}, 1, {5, 0, 4, 7}, replicate),
          one({2, 3, 5, 17}, 1, {2, 2, 4, 4}, reflect),   one({2, 6, 7, 64}, 4, Pad4::all(1), reflect),
          one({1, 4, 3, 65}, 13, {1, 0, 2, 3}, zero),     one({3, 3, 2, 8}, 8, {2, 1, 0, 1}, reflect, true),
          one({1, 47, 45, 20}, 5, Pad4::all(4), reflect), one({1, 4, 5, 264}, 264, Pad4::all(1), replicate)};
}

/// The same of images enlarged before they are padded: pads that reach into both pixels of a pair, and beyond.
inline std::vector<NormBackward> awkward_enlarged_gradients() {
  const auto one = [](const Dims4& d, std::int64_t groups, const Pad4& pad, PadMode mode, bool across_batch = false) {
    return NormBackward{.d = {d.N, d.H * d.W, d.C, groups, across_batch},
                        .W = d.W,
                        .upsample = Upsample::nearest2,
                        .pad = pad,
                        .pad_mode = mode};
  };
  const PadMode zero = PadMode::zero, reflect = PadMode::reflect, replicate = PadMode::replicate;
  return {one({3, 1, 1, 1}, 1, {1, 2, 0, 3}, replicate),
          one({2, 1, 1, 16}, 4, {}, zero),
          one({2, 3, 2, 3}, 3, {4, 5, 3, 2}, reflect),
          one({1, 2, 3, 16}, 1, {5, 0, 4, 7}, replicate),
          one({2, 3, 2, 64}, 4, Pad4::all(1), reflect),
          one({1, 2, 3, 65}, 13, {1, 0, 2, 3}, zero),
          one({3, 2, 3, 8}, 8, {2, 1, 0, 1}, reflect, true),
          one({1, 23, 25, 20}, 5, Pad4::all(4), reflect),
          one({1, 3, 2, 264}, 264, {}, zero)};
}

template <>
inline std::vector<Case<NormBackward>> Cases<NormBackward>::awkward() {
  std::vector<Case<NormBackward>> cases;
  const Map acts[] = {Map::identity, Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid};
  std::size_t next = 0;  // four cases of five activations: in five dims each case meets all of them
  const auto add = [&](NormBackward a, std::vector<std::string_view> without) {
    a.act = acts[next++ % 5], a.a = 0.2;
    cases.push_back({a, std::move(without)});
  };
  for (const NormDims& d : awkward_norm_dims()) {
    add({.d = d}, {"dresidual"});
    add({.d = d, .frozen = true}, {"dweight", "dresidual"});
    add({.d = d, .eps = 1e-3}, {"weight", "dweight", "dbias", "dresidual"});
    add({.d = d}, {"bias", "dx", "dresidual"});
  }
  std::vector<NormBackward> resized = awkward_padded_gradients();
  for (const NormBackward& a : awkward_enlarged_gradients()) resized.push_back(a);
  for (const NormBackward& a : resized) {
    add(a, {});
    add(a, {"bias", "dresidual"});
    add(a, {"weight", "dx"});
    NormBackward frozen = a;
    frozen.frozen = true;
    add(frozen, {"dweight", "dbias"});
  }
  return cases;
}
template <>
inline std::vector<Case<NormBackward>> Cases<NormBackward>::realistic() {
  std::vector<Case<NormBackward>> cases;
  const std::vector<std::string_view> plain{"dresidual"};
  for (const NormDims& d : realistic_norm_dims()) cases.push_back({{.d = d}, plain});
  NormBackward wide{.d = realistic_norm_dims().front(), .act = Map::relu, .W = 256};
  for (const Map act : {Map::relu, Map::tanh}) cases.push_back({{.d = wide.d, .act = act}, plain});
  for (const int pad : {1, 4}) {
    wide.pad = Pad4::all(pad), wide.pad_mode = PadMode::reflect;
    cases.push_back({wide, plain});
  }
  cases.push_back({wide});
  for (const std::int64_t side : {128, 16}) {  // 16: small enough for an emulated GPU
    const NormBackward half{
        .d = {.HW = side * side, .C = 64, .groups = 64}, .act = Map::relu, .W = side, .upsample = Upsample::nearest2};
    cases.push_back({half, plain});
  }
  return cases;
}

}  // namespace sumi
