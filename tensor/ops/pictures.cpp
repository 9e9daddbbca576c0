// Padding, resampling and pixel shuffle: linear, each recorded together with its transpose.
#include "kernels/pad/pad.h"
#include "kernels/resample/resample.h"
#include "tensor/ops/gradients.h"

namespace sumi {
Tensor resample_gradient(const Tensor& dy, const ResampleForward& f) {
  Tensor dx = Tensor::empty(dy.context(), {f.d.N, f.d.H, f.d.W, f.d.C}, dy.dtype(), ResampleBackward::op);
  run(ResampleBackward{.d = f.d,
                       .P = f.P,
                       .Q = f.Q,
                       .interpolation = f.interpolation,
                       .coordinates = f.coordinates,
                       .dy = dy.ref(),
                       .dx = dx.ref()},
      dy.ctx());
  return record(std::move(dx), "resample_gradient", {dy}, [f](const Tensor& g, const Wanted&) -> Gradients {
    return {resample(g, f.P, f.Q, f.interpolation, f.coordinates)};
  });
}

void check_pad(const Dims4& d, const Pad4& p, PadMode mode) {
  const int lowest = std::min({p.top, p.bottom, p.left, p.right});
  check(mode == PadMode::zero || lowest >= 0, "pad: only zero mode crops, got ", lowest, " in mode ", name_of(mode));
  check(d.H + p.top + p.bottom > 0 && d.W + p.left + p.right > 0, "pad: nothing of ", d.H, 'x', d.W,
        " is left after cropping");
  check(mode != PadMode::reflect || (std::max(p.top, p.bottom) < d.H && std::max(p.left, p.right) < d.W),
        "pad: reflection needs padding smaller than the image, got ", p.top, ' ', p.bottom, ' ', p.left, ' ', p.right,
        " for ", d.H, 'x', d.W);
}

Tensor pad_gradient(const Tensor& dy, const Dims4& x, const Pad4& pad_sides, PadMode mode) {
  Tensor dx = Tensor::empty(dy.context(), {x.N, x.H, x.W, x.C}, dy.dtype(), PadBackward::op);
  run(PadBackward{.d = x, .pad = pad_sides, .mode = mode, .dy = dy.ref(), .dx = dx.ref()}, dy.ctx());
  return record(std::move(dx), "pad_gradient", {dy},
                [=](const Tensor& g, const Wanted&) -> Gradients { return {pad(g, pad_sides, mode)}; });
}

Tensor pad(const Tensor& x, const Pad4& sides, PadMode mode) {
  const Dims4 d = image_dims(x, "pad");
  if (sides == Pad4{}) return x;
  check_pad(d, sides, mode);
  PadForward args{.d = d, .pad = sides, .mode = mode};
  const Dims4 out = args.y_dims();
  Tensor y = Tensor::empty(x.context(), {out.N, out.H, out.W, out.C}, x.dtype(), PadForward::op);
  args.x = x.ref();
  args.y = y.ref();
  run(args, x.ctx());
  return record(std::move(y), "pad", {x},
                [=](const Tensor& dy, const Wanted&) -> Gradients { return {pad_gradient(dy, d, sides, mode)}; });
}

Tensor resample(const Tensor& x, std::int64_t P, std::int64_t Q, Interpolation interpolation, Coordinates coordinates) {
  const Dims4 d = image_dims(x, "resample");
  check(P > 0 && Q > 0, "resample: expected a positive size, got ", P, 'x', Q);
  if (P == d.H && Q == d.W) return x;  // every convention maps a size to itself by the identity
  ResampleForward args{.d = d, .P = P, .Q = Q, .interpolation = interpolation, .coordinates = coordinates};
  const ResampleForward dims = args;
  Tensor y = Tensor::empty(x.context(), {d.N, P, Q, d.C}, x.dtype(), ResampleForward::op);
  args.x = x.ref();
  args.y = y.ref();
  run(args, x.ctx());
  return record(std::move(y), "resample", {x},
                [dims](const Tensor& dy, const Wanted&) -> Gradients { return {resample_gradient(dy, dims)}; });
}

Tensor pixel_shuffle(const Tensor& x, int block) {
  const Dims4 d = image_dims(x, "pixel_shuffle");
  check(block > 0 && d.C % (block * block) == 0, "pixel_shuffle: expected channels divisible by ", block * block,
        ", got ", d.C);
  const std::int64_t C = d.C / block / block;
  Tensor y = Tensor::empty(x.context(), {d.N, d.H * block, d.W * block, C}, x.dtype(), PixelShuffle::op);
  run(PixelShuffle{.d = d, .block = block, .x = x.ref(), .y = y.ref()}, x.ctx());
  return record(std::move(y), "pixel_shuffle", {x},
                [block](const Tensor& dy, const Wanted&) -> Gradients { return {pixel_unshuffle(dy, block)}; });
}

Tensor pixel_unshuffle(const Tensor& x, int block) {
  const Dims4 d = image_dims(x, "pixel_unshuffle");
  check(block > 0 && d.H % block == 0 && d.W % block == 0, "pixel_unshuffle: expected sides divisible by ", block,
        ", got ", d.H, 'x', d.W);
  const Dims4 small{d.N, d.H / block, d.W / block, d.C * block * block};
  Tensor y = Tensor::empty(x.context(), {small.N, small.H, small.W, small.C}, x.dtype(), PixelShuffle::op);
  run(PixelShuffle{.d = small, .block = block, .inverse = true, .x = x.ref(), .y = y.ref()}, x.ctx());
  return record(std::move(y), "pixel_unshuffle", {x},
                [block](const Tensor& dy, const Wanted&) -> Gradients { return {pixel_shuffle(dy, block)}; });
}

}  // namespace sumi
