// Padding and cropping of an image on four sides.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"

namespace sumi {

/// y[n,h,w,c] = x at the padded position. Negative pads crop. Reflection needs each pad < the image's side.
struct PadForward {
  static constexpr std::string_view op = "pad_forward";
  static constexpr bool linear = true;
  Dims4 d;  // of x
  Pad4 pad;
  PadMode mode = PadMode::zero;
  double value = 0;  // what PadMode::zero writes
  TensorRef x, y;

  static Table<PadForward> table();
  Dims4 y_dims() const { return {d.N, d.H + pad.top + pad.bottom, d.W + pad.left + pad.right, d.C}; }
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 0; }
  double bytes() const;
};

/// dx = sum of dy over the padded positions that read each pixel. Deterministic: a gather over dx.
struct PadBackward {
  static constexpr std::string_view op = "pad_backward";
  static constexpr bool linear = true;
  Dims4 d;  // of dx
  Pad4 pad;
  PadMode mode = PadMode::zero;
  TensorRef dy, dx;

  static Table<PadBackward> table();
  Dims4 y_dims() const { return {d.N, d.H + pad.top + pad.bottom, d.W + pad.left + pad.right, d.C}; }
  DType dtype() const { return dy.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return static_cast<double>(y_dims().count()); }
  double bytes() const;
  double reduction() const { return 9; }
};

}  // namespace sumi
