// A product of row-major matrices as libraries want it: of column-major ones. What is row-major M x N is N x M read by
// columns, so the library computes y' = op(b)' op(a)', with the operands exchanged.
#pragma once
#include "kernels/gemm/gemm.h"

namespace sumi {

/// A stored matrix: element (row, column) of batch b is at b * batch_stride + column * ld + row.
struct ColumnMajor {
  std::int64_t rows, columns, ld, batch_stride;
  bool transposed;  // the product takes the transpose of what is stored
};

/// y = op(left) op(right).
struct ColumnMajorProduct {
  ColumnMajor left, right, y;
};

inline ColumnMajorProduct column_major(const Gemm& g) {
  const auto stored = [](std::int64_t rows, std::int64_t columns, bool transposed, bool shared) {
    return ColumnMajor{rows, columns, rows, shared ? 0 : rows * columns, transposed};
  };
  return {g.transpose_b ? stored(g.K, g.N, true, g.shared_b) : stored(g.N, g.K, false, g.shared_b),
          g.transpose_a ? stored(g.M, g.K, true, g.shared_a) : stored(g.K, g.M, false, g.shared_a),
          stored(g.N, g.M, false, false)};
}

}  // namespace sumi
