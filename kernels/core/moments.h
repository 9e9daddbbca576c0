// Mean and variance from partial results, merged without cancellation.
#pragma once
#include <algorithm>

namespace sumi {

/// Count, mean and sum of squared deviations of a set of numbers. Parts merge after Chan, Golub and LeVeque ("Updating
/// formulae and a pairwise algorithm for computing sample variances", 1979). Merge in a fixed order for fixed bits.
struct PartialMoments {
  double count = 0, mean = 0, m2 = 0;

  /// From sums of v - shift and (v - shift)^2. Keeps its digits when `shift` is any value near the data (the chunk's
  /// first one, say): sums of v and v^2 at mean 1e4 and deviation 1e-2 would need 12 digits more than the result.
  static PartialMoments shifted(double count, double shift, double sum, double sum_of_squares) {
    if (count <= 0) return {};
    return {count, shift + sum / count, std::max(sum_of_squares - sum * sum / count, 0.0)};
  }

  void merge(const PartialMoments& o) {
    if (o.count <= 0) return;
    const double total = count + o.count, delta = o.mean - mean;
    mean += delta * (o.count / total);
    m2 += o.m2 + delta * delta * (count * o.count / total);
    count = total;
  }

  /// The biased variance; 0 of nothing.
  double variance() const { return count > 0 ? m2 / count : 0; }
};

}  // namespace sumi
