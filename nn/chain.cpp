#include "nn/chain.h"

#include <utility>

#include "tensor/autograd.h"

namespace sumi {
namespace {

/// Runs `fused` when none of these would be recorded, else `recorded`.
template <class Fused, class Recorded>
auto either(const Pending& x, std::initializer_list<const Tensor*> parameters, Fused fused, Recorded recorded) {
  return x.norm || recording({&x.x, &x.residual}) || recording(parameters) ? recorded() : fused();
}

/// x as the transposed convolution that enlarges it wants it.
Pending edged(const Pending& x, PadMode mode) {
  return mode == PadMode::zero ? x : apply(x, {.pad = Pad4::all(1), .pad_mode = PadMode::replicate});
}

/// The edge that would take the convolution a pass of its own, as zeros do not; `o` is left without. Who pads keeps the
/// padded image for the filter's gradient, and gets that of the image in the padded size.
ApplyOptions edge_of(Conv2dOptions& o) {
  if (o.pad_mode == PadMode::zero) return {};
  return {.pad = std::exchange(o.pad, {}), .pad_mode = std::exchange(o.pad_mode, PadMode::zero)};
}

Tensor recorded(const Pending& x, const Conv2d& c, Moments* channels = nullptr) {
  Conv2dOptions o = c.options;
  const ApplyOptions edge = edge_of(o);
  if (edge.pad == Pad4{} || !resizes_at_once(x, edge)) return c.forward(settled(x), channels);
  return conv2d(apply(x, edge), c.weight, c.bias, o, channels);
}

Tensor recorded(const Pending& x, const ConvTranspose2d& c, Moments* channels = nullptr) {
  return c.forward(settled(x), channels);
}

Tensor recorded(const Pending& x, const UpsampleConv2d& c, Moments* channels = nullptr) {
  if (x.x.on_host()) {
    Conv2dOptions o = c.options();
    ApplyOptions enlarged = edge_of(o);
    enlarged.upsample = Upsample::nearest2;
    return conv2d(apply(x, enlarged), c.weight, c.bias, o, channels);
  }
  return conv_transpose2d(settled(edged(x, c.mode)), c.folded(), c.bias, upsampling_options(c.mode), channels);
}

/// Statistics that the convolution takes at the store save a pass over its result.
template <class Conv>
Pending recorded_norm(const Pending& x, const Conv& c, const Norm& n) {
  Moments channels;
  const Tensor y = recorded(x, c, &channels);
  return norm_pending(y, n.weight, n.bias, n.options, channels.mean ? &channels : nullptr);
}

}  // namespace

Tensor settled(const Pending& p) { return p.applied() ? p.x : apply(p); }

Tensor convolve(const Pending& x, const Conv2d& c) {
  return either(
      x, {&c.weight, &c.bias}, [&] { return conv2d_pending(x, c.weight, c.bias, c.options); },
      [&] { return recorded(x, c); });
}

Tensor convolve(const Pending& x, const ConvTranspose2d& c) {
  return either(
      x, {&c.weight, &c.bias}, [&] { return conv_transpose2d_pending(x, c.weight, c.bias, c.options); },
      [&] { return recorded(x, c); });
}

Pending conv_norm(const Pending& x, const Conv2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias},
      [&] { return conv2d_norm(x, c.weight, c.bias, c.options, n.weight, n.bias, n.options); },
      [&] { return recorded_norm(x, c, n); });
}

Pending conv_norm(const Pending& x, const ConvTranspose2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias},
      [&] { return conv_transpose2d_norm(x, c.weight, c.bias, c.options, n.weight, n.bias, n.options); },
      [&] { return recorded_norm(x, c, n); });
}

namespace {

/// What was pending is applied by the pass that enlarges the image, or that repeats its edge.
Pending upsampled_norm(const Pending& x, const UpsampleConv2d& c, const Norm& n) {
  if (x.x.on_host())
    return conv2d_norm(apply(x, {.upsample = Upsample::nearest2}), c.weight, c.bias, c.options(), n.weight, n.bias,
                       n.options);
  return conv_transpose2d_norm(edged(x, c.mode), c.folded(), c.bias, upsampling_options(c.mode), n.weight, n.bias,
                               n.options);
}

}  // namespace

Pending conv_norm(const Pending& x, const UpsampleConv2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias}, [&] { return upsampled_norm(x, c, n); },
      [&] { return recorded_norm(x, c, n); });
}

}  // namespace sumi
