// The unit that all generators are made of: a convolution and the norm behind it.
#pragma once
#include "nn/chain.h"

namespace sumi {

/// Convolution, norm, activation. Networks list the two layers under the names that their files use.
struct ConvUnit {
  ConvUnit(const ContextPtr& context, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& options,
           const NormOptions& norm_options, bool with_bias, const NormNames& names = {})
      : conv(context, C, K, R, options, with_bias), norm(context, K, norm_options, true, names) {}
  Pending operator()(const Pending& x) const { return conv_norm(x, conv, norm); }

  Conv2d conv;
  Norm norm;
};

/// The same behind an enlargement to twice the sides.
struct UpsampleConvUnit {
  UpsampleConvUnit(const ContextPtr& context, std::int64_t C, std::int64_t K, PadMode mode,
                   const NormOptions& norm_options, bool with_bias)
      : conv(context, C, K, mode, with_bias), norm(context, K, norm_options) {}
  Pending operator()(const Pending& x) const { return conv_norm(x, conv, norm); }

  UpsampleConv2d conv;
  Norm norm;
};

/// x + second(first(x)), the sum pending together with the second norm: one pass.
inline Pending residual(const Tensor& x, const ConvUnit& first, const ConvUnit& second) {
  return plus(second(first(x)), x);
}

/// Side `axis` of a file's tensor, for building a network of its width; `fallback` without a file. Throws Error where
/// the tensor is missing, is no filter or is wider than any network here.
std::int64_t width_in(const StateDict* state, std::string_view name, int axis, std::int64_t fallback);

}  // namespace sumi
