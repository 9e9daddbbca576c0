// Normalisation: statistics, the per-channel affine they fold into, one apply pass, and the backward.
// Batch, instance, group and layer norm differ only in which elements share statistics:
//   batch: across_batch, groups = C      instance: groups = C      group: groups = G      layer over C,H,W: groups = 1
// Ioffe & Szegedy 2015; Ulyanov et al. 2016; Wu & He 2018; Ba et al. 2016.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"
#include "kernels/map/functions.h"

namespace sumi {

/// x [N,HW,C] and which elements share a statistic: mean and variance are [rows(), groups].
struct NormDims {
  std::int64_t N = 1, HW = 1, C = 1;
  std::int64_t groups = 1;                                    // channel groups; C % groups == 0
  bool across_batch = false;                                  // statistics over all images
  std::int64_t rows() const { return across_batch ? 1 : N; }  // statistics are [rows, groups]
  std::int64_t stats() const { return rows() * groups; }
  std::int64_t per_stat() const { return N * HW * C / stats(); }  // elements behind one statistic
  std::int64_t count() const { return N * HW * C; }
  std::string key() const { return concat('N', N, "HW", HW, 'C', C, 'G', groups, across_batch ? "batch" : ""); }
};

/// mean, var (biased) [rows, groups] of x [N,HW,C]. Stable for mean 1e4, std 1e-2: shifted sums in f32, merged after
/// Chan et al. 1979; never E[x^2] - E[x]^2.
struct NormStats {
  static constexpr std::string_view op = "norm_stats";
  NormDims d;
  TensorRef x, mean, var;

  static Table<NormStats> table();
  DType dtype() const { return x.dtype; }
  std::string key() const { return d.key(); }
  Operands operands();
  double flops() const { return 4.0 * static_cast<double>(d.count()); }
  double bytes() const { return static_cast<double>(d.count()) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return static_cast<double>(d.per_stat()); }
};

/// scale[n,c] = weight[c] / sqrt(var + eps), shift[n,c] = bias[c] - mean * scale: what a prologue or NormApply takes.
/// All operands are params. weight and bias may be absent (1 and 0). mean and var are [rows, groups]; scale and shift
/// always [N,C]. With from_channels, mean and var are per-image channel moments [N,C] as a convolution's epilogue gives
/// them, merged here into the groups' statistics (each channel moment over HW pixels), which merged_mean and merged_var
/// [rows, groups] receive unless absent.
struct NormFold {
  static constexpr std::string_view op = "norm_fold";
  NormDims d;
  double eps = 1e-5;
  bool from_channels = false;
  TensorRef mean, var, weight, bias, scale, shift, merged_mean, merged_var;

  static Table<NormFold> table();
  DType dtype() const { return scale.dtype; }
  std::string key() const { return concat(d.key(), from_channels ? "chan" : ""); }
  Operands operands();
  double flops() const { return 6.0 * static_cast<double>(d.N * d.C); }
  double bytes() const { return 4.0 * static_cast<double>(d.N * d.C * static_cast<std::int64_t>(size_of(dtype()))); }
};

/// How NormApply enlarges the picture: repeat each pixel, or bilinear with half-pixel centres (align_corners=False).
enum class Upsample : std::uint8_t { none, nearest2, bilinear2 };

/// y = pad(upsample(act(x * scale[n,c] + shift[n,c]) + residual)), one pass over memory. scale and shift [N,C] may be
/// absent together (1 and 0); residual has x's shape. y is [N, up*H + top + bottom, up*W + left + right, C].
struct NormApply {
  static constexpr std::string_view op = "norm_apply";
  Dims4 d;  // of x
  Map act = Map::identity;
  double a = 0;
  Upsample upsample = Upsample::none;
  Pad4 pad;
  PadMode pad_mode = PadMode::zero;
  TensorRef x, scale, shift, residual, y;

  static Table<NormApply> table();
  DType dtype() const { return x.dtype; }
  std::int64_t up() const { return upsample == Upsample::none ? 1 : 2; }
  Dims4 y_dims() const { return {d.N, up() * d.H + pad.top + pad.bottom, up() * d.W + pad.left + pad.right, d.C}; }
  std::string key() const;
  Operands operands();
  double flops() const { return 3.0 * static_cast<double>(y_dims().count()); }
  double bytes() const;
};

/// Gradients of y = pad(upsample(act(u) + residual)), u = xhat * weight + bias, xhat = (x - mean) rstd, rstd = 1 /
/// sqrt(var + eps), with mean and var functions of x:
///   dresidual = dy folded: each pixel's sum over the positions of y that read it,
///   du = dresidual * act'(u), u being computed again from x,  g = du * weight[c],
///   dx = rstd (g - mean(g) - xhat mean(g xhat)) over each statistic's elements,
///   dweight[c] = sum du xhat,  dbias[c] = sum du.
/// dy is [N, up*H + top + bottom, up*W + left + right, C]; pads are not negative. weight (1), bias (0; only an
/// activation wants it), dx, dweight, dbias and dresidual may be absent. With `frozen` (inference statistics) mean and
/// var are constants: dx = rstd g.
struct NormBackward {
  static constexpr std::string_view op = "norm_backward";
  NormDims d;
  double eps = 1e-5;
  bool frozen = false;
  Map act = Map::identity;
  double a = 0;
  std::int64_t W = 1;                  // columns of an image; only enlarging and padding ask for them
  Upsample upsample = Upsample::none;  // or nearest2
  Pad4 pad;
  PadMode pad_mode = PadMode::zero;
  TensorRef x, dy, mean, var, weight, bias, dx, dweight, dbias, dresidual;

  static Table<NormBackward> table();
  DType dtype() const { return x.dtype; }
  std::int64_t H() const { return d.HW / W; }
  std::int64_t up() const { return upsample == Upsample::none ? 1 : 2; }
  Dims4 dy_dims() const { return {d.N, up() * H() + pad.top + pad.bottom, up() * W + pad.left + pad.right, d.C}; }
  /// y's positions are not x's.
  bool resized() const { return upsample != Upsample::none || pad != Pad4{}; }
  std::string key() const;
  Operands operands();
  double flops() const { return 10.0 * static_cast<double>(d.count()); }
  /// x and dy in two passes; or dy once, and what it folds to written and read.
  double bytes() const;
  /// Roundings behind a result: a smooth activation's du has those of d = x - mean, of u and of act'(u) besides its
  /// own.
  double reduction() const {
    const double terms = static_cast<double>(dy_dims().count()) / static_cast<double>(d.groups);
    return terms * (act == Map::tanh || act == Map::sigmoid ? 4 : 1);
  }
};

}  // namespace sumi
