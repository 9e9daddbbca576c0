// Partial sums merged without cancellation, by a block.
#pragma once
#include "kernels/device/device.h"

namespace sumi::cuda {

/// Sums of x - shift and their squares in double, made of f32 sums with shifts of their own. Moving those loses digits
/// only where a shift is 1e4 deviations away.
struct MergedSums {
  double shift, sum = 0, square = 0;

  __device__ explicit MergedSums(float first) : shift(static_cast<double>(first)) {}
  __device__ __forceinline__ void add(float part_shift, float part_sum, float part_square, double count) {
    const double s = static_cast<double>(part_sum), apart = static_cast<double>(part_shift) - shift;
    const double moved = apart * count;
    sum += s + moved;
    square += static_cast<double>(part_square) + apart * (2 * s + moved);
  }
  /// Adds up the threads that stand `across` (a power of two) apart, in a fixed order, into the first `across`. One
  /// shift for all of them; room for a number a thread.
  __device__ __forceinline__ void add_up(int across, double* sums, double* squares) {
    const int i = static_cast<int>(threadIdx.x);
    sums[i] = sum, squares[i] = square;
    for (int o = static_cast<int>(blockDim.x) / 2; o >= across; o /= 2) {
      __syncthreads();
      if (i >= o) continue;
      sums[i] += sums[i + o];
      squares[i] += squares[i + o];
    }
    sum = sums[i], square = squares[i];
  }
  __device__ void store(double count, float* mean, float* var) const {
    const double apart = sum / count, v = square / count - apart * apart;
    *mean = static_cast<float>(shift + apart);
    *var = static_cast<float>(v < 0 ? 0 : v);  // a NaN stays
  }
};

}  // namespace sumi::cuda
