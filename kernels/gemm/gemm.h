// Batched matrix product with transposes; Gram matrices are its scaled x' x.
#pragma once
#include <string>

#include "kernels/core/variant.h"

namespace sumi {

/// y[b] = alpha * op(a[b]) op(b[b]) (+ bias[N] on each row). op(a) is M x K, op(b) K x N, y M x N, row-major and dense;
/// a transposed operand is stored K x M or N x K. A batch stride of 0 (shared_a, shared_b) uses one matrix for all.
struct Gemm {
  static constexpr std::string_view op = "gemm";
  static constexpr bool linear = true;
  std::int64_t batch = 1, M = 1, N = 1, K = 1;
  bool transpose_a = false, transpose_b = false, shared_a = false, shared_b = false;
  double alpha = 1;
  TensorRef a, b, y, bias;

  static Table<Gemm> table();
  DType dtype() const { return a.dtype; }
  std::string key() const;
  Operands operands();
  double flops() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(M) * static_cast<double>(N) * static_cast<double>(K);
  }
  double bytes() const;
  double reduction() const { return static_cast<double>(K); }
};

}  // namespace sumi
