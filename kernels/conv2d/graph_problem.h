// How cuDNN is told of a convolution: its dims in the order N,C,H,W with strides that make them N,H,W,C in memory.
#pragma once
#include <array>
#include <cstdint>

#include "kernels/conv2d/conv2d.h"

namespace sumi::cudnn {

/// Dims (outermost first) and strides in elements.
struct Layout {
  std::array<std::int64_t, 4> dims, strides;
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// Dense N,H,W,C.
constexpr Layout activation_layout(const Dims4& a) {
  return {{a.N, a.C, a.H, a.W}, {a.H * a.W * a.C, 1, a.W * a.C, a.C}};
}
inline Layout x_layout(const Conv2dDims& d) { return activation_layout({d.N, d.H, d.W, d.C}); }
inline Layout y_layout(const Conv2dDims& d) { return activation_layout({d.N, d.P(), d.Q(), d.K}); }
/// Filters K,R,S,C/groups: the library counts the groups by comparing C with x's.
inline Layout w_layout(const Conv2dDims& d) { return activation_layout({d.K, d.R, d.S, d.Cg()}); }
/// One number a channel.
inline Layout channel_layout(std::int64_t channels) { return activation_layout({1, 1, 1, channels}); }

/// (rows, columns) of everything that a convolution has besides its tensors.
struct Geometry {
  std::array<std::int64_t, 2> before, after, strides, dilations;
  friend bool operator==(const Geometry&, const Geometry&) = default;
};
inline Geometry geometry_of(const Conv2dDims& d) {
  return {{d.pad.top, d.pad.left}, {d.pad.bottom, d.pad.right}, {d.stride_h, d.stride_w}, {d.dilation_h, d.dilation_w}};
}

enum class Pass : std::uint8_t { forward, backward_input, backward_weight };

/// What decides on a plan.
struct Problem {
  Pass pass = Pass::forward;
  Conv2dDims d;
  DType in = DType::f32, out = DType::f32;  // both inputs; the result
  bool bias = false;
  Map act = Map::identity;
  double a = 0;                 // leaky_relu's slope
  std::int64_t alignment = 16;  // of every operand, in bytes
  bool tf32 = false;            // f32 inputs may be rounded to it
  bool any_order = false;       // sums need no fixed order

  Layout result() const {
    return pass == Pass::forward ? y_layout(d) : pass == Pass::backward_input ? x_layout(d) : w_layout(d);
  }
  bool fused() const { return bias || act != Map::identity; }
  std::string key() const;
};

/// Whether the library's graph has words for it: padding with zeros, no prologue, an epilogue of bias and activation.
bool expressible(const Conv2dForward& a);
bool expressible(const Conv2dBackwardInput& a);
bool expressible(const Conv2dBackwardWeight& a);

Problem problem_of(const Conv2dForward& a);
Problem problem_of(const Conv2dBackwardInput& a);
Problem problem_of(const Conv2dBackwardWeight& a);

}  // namespace sumi::cudnn
