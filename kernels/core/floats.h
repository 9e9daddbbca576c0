// The loops over f32 results that end library calls: adding parts, and an affine at the store.
#pragma once
#include "kernels/core/tensor_ref.h"

namespace sumi {

/// to[i] += from[i].
void add_floats(const float* from, std::int64_t n, float* to);

/// y[r][i] = factor * sums[r][i] + bias[i] for rows of N elements, the first one `offset` elements into y, which is f32
/// (and may be the sums themselves) or bf16. bias (f32, [N]) may be absent.
void store_affine(const float* sums, float factor, const TensorRef& bias, std::int64_t rows, std::int64_t N,
                  const TensorRef& y, std::int64_t offset);

}  // namespace sumi
