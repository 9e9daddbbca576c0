#include "nn/chain.h"

#include "tensor/autograd.h"

namespace sumi {
namespace {

/// Runs `fused` when none of these would be recorded, else `recorded` on the settled input.
template <class Fused, class Recorded>
auto either(const Pending& x, std::initializer_list<const Tensor*> parameters, Fused fused, Recorded recorded) {
  return recording({&x.x}) || recording(parameters) ? recorded(settled(x)) : fused();
}

/// On a CPU the convolution takes the norm's statistics at the store, which saves a pass over its result. On a GPU
/// many rows take them in a pass of their own, and the libraries' rows, which give none, would be ruled out.
template <class Conv>
Pending recorded_norm(const Tensor& x, const Conv& c, const Norm& n) {
  if (!x.on_host()) return n.forward(c.forward(x));
  Moments channels;
  const Tensor y = c.forward(x, &channels);
  return norm(y, merge_channels(channels, n.options.kind, n.options.groups), n.weight, n.bias, n.options);
}

}  // namespace

Tensor settled(const Pending& p) { return p.applied() ? p.x : apply(p); }

Tensor convolve(const Pending& x, const Conv2d& c) {
  return either(
      x, {&c.weight, &c.bias}, [&] { return conv2d_pending(x, c.weight, c.bias, c.options); },
      [&](const Tensor& value) { return c.forward(value); });
}

Tensor convolve(const Pending& x, const ConvTranspose2d& c) {
  return either(
      x, {&c.weight, &c.bias}, [&] { return conv_transpose2d_pending(x, c.weight, c.bias, c.options); },
      [&](const Tensor& value) { return c.forward(value); });
}

Pending conv_norm(const Pending& x, const Conv2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias},
      [&] { return conv2d_norm(x, c.weight, c.bias, c.options, n.weight, n.bias, n.options); },
      [&](const Tensor& value) { return recorded_norm(value, c, n); });
}

Pending conv_norm(const Pending& x, const ConvTranspose2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias},
      [&] { return conv_transpose2d_norm(x, c.weight, c.bias, c.options, n.weight, n.bias, n.options); },
      [&](const Tensor& value) { return recorded_norm(value, c, n); });
}

namespace {

/// What was pending is applied by the pass that enlarges the image, or that repeats its edge.
Pending upsampled_norm(const Pending& x, const UpsampleConv2d& c, const Norm& n) {
  if (x.x.on_host())
    return conv2d_norm(apply(x, {}, {.upsample = Upsample::nearest2}), c.weight, c.bias, c.options(), n.weight, n.bias,
                       n.options);
  const bool edged = c.mode != PadMode::zero;
  return conv_transpose2d_norm(edged ? apply(x, {}, {.pad = Pad4::all(1), .pad_mode = PadMode::replicate}) : x,
                               c.folded(), c.bias, upsampling_options(c.mode), n.weight, n.bias, n.options);
}

}  // namespace

Pending conv_norm(const Pending& x, const UpsampleConv2d& c, const Norm& n) {
  return either(
      x, {&c.weight, &c.bias, &n.weight, &n.bias}, [&] { return upsampled_norm(x, c, n); },
      [&](const Tensor& value) { return recorded_norm(value, c, n); });
}

}  // namespace sumi
