// Fused scalar losses: mean over all elements, one pass, and their gradient.
#pragma once
#include <string>

#include "kernels/core/shapes.h"
#include "kernels/core/variant.h"

namespace sumi {

/// mse: (x-t)^2; l1: |x-t|; huber: e^2/2 for |e| <= delta, else delta (|e| - delta/2).
enum class Loss : std::uint8_t { mse, l1, huber };

/// loss (one param) = mean of f(x - target).
struct LossForward {
  static constexpr std::string_view op = "loss_forward";
  Loss f = Loss::mse;
  double delta = 1;
  std::int64_t n = 1;
  TensorRef x, target, loss;

  static Table<LossForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 3.0 * static_cast<double>(n); }
  double bytes() const { return 2.0 * static_cast<double>(n) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return static_cast<double>(n); }
};

/// dx = dloss * f'(x - target) / n. The gradient of target is -dx.
struct LossBackward {
  static constexpr std::string_view op = "loss_backward";
  Loss f = Loss::mse;
  double delta = 1;
  std::int64_t n = 1;
  TensorRef x, target, dloss, dx;

  static Table<LossBackward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 4.0 * static_cast<double>(n); }
  double bytes() const { return 3.0 * static_cast<double>(n) * static_cast<double>(size_of(dtype())); }
};

/// Total variation of x [N,H,W,C]: mean |difference|^p of vertical neighbours plus the same of horizontal ones,
/// p = 1 or 2. A side of 1 contributes 0.
struct TotalVariationForward {
  static constexpr std::string_view op = "total_variation_forward";
  Dims4 d;
  int p = 1;
  TensorRef x, loss;

  static Table<TotalVariationForward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 6.0 * static_cast<double>(d.count()); }
  double bytes() const { return static_cast<double>(d.count()) * static_cast<double>(size_of(dtype())); }
  double reduction() const { return 2.0 * static_cast<double>(d.count()); }
};

/// dx = dloss * d(total variation)/dx, gathered from each element's neighbours; dloss has one element. Where neighbours
/// are equal, p = 1 gives 0.
struct TotalVariationBackward {
  static constexpr std::string_view op = "total_variation_backward";
  Dims4 d;
  int p = 1;
  TensorRef x, dloss, dx;

  static Table<TotalVariationBackward> table();
  DType dtype() const { return x.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const { return 8.0 * static_cast<double>(d.count()); }
  double bytes() const { return 2.0 * static_cast<double>(d.count()) * static_cast<double>(size_of(dtype())); }
};

}  // namespace sumi
