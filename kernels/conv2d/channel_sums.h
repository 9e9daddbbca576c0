// Sums over pixels, per channel: what epilogues and bias gradients need besides a product. Two kernels each: chunks of
// pixels to fixed slots, then the slots in order.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// e.mean and e.var [images, channels] of the stored y [images, pixels, channels]; nothing where e wants none.
void store_moments(const Epilogue& e, const TensorRef& y, std::int64_t images, std::int64_t pixels,
                   std::int64_t channels, Context& ctx);

/// a.dbias [K] = sum of dy, where it is wanted.
void store_bias_gradient(const Conv2dBackwardWeight& a, Context& ctx);

}  // namespace sumi::cuda
