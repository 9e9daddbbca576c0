// Pooling.
#include "kernels/pool/pool.h"

#include "tensor/ops/gradients.h"

namespace sumi {
namespace {

PoolDims pool_dims(const Tensor& x, const PoolOptions& o, std::string_view op) {
  const Dims4 d = image_dims(x, op);
  check(o.window > 0 && o.stride > 0, op, ": expected a positive window and stride, got ", o.window, " and ", o.stride);
  const Pad4& p = o.pad;
  check(std::min({p.top, p.bottom, p.left, p.right}) >= 0 && std::max({p.top, p.bottom, p.left, p.right}) < o.window,
        op, ": expected padding in 0..window-1, got ", p.top, ' ', p.bottom, ' ', p.left, ' ', p.right);
  check(d.H + p.top + p.bottom >= o.window && d.W + p.left + p.right >= o.window, op, ": the window ", o.window,
        " is larger than the padded image of ", d.H, 'x', d.W);
  return {.N = d.N,
          .H = d.H,
          .W = d.W,
          .C = d.C,
          .R = o.window,
          .S = o.window,
          .stride_h = o.stride,
          .stride_w = o.stride,
          .pad = p,
          .ceil_mode = o.ceil_mode,
          .count_include_pad = o.count_include_pad};
}

Tensor run_forward(const Tensor& x, const PoolDims& d, Pooling pooling) {
  Tensor y = Tensor::empty(x.context(), {d.N, d.P(), d.Q(), d.C}, x.dtype(), PoolForward::op);
  run(PoolForward{.pooling = pooling, .d = d, .x = x.ref(), .y = y.ref()}, x.ctx());
  return y;
}

Tensor run_backward(const Tensor& x, const Tensor& dy, const PoolDims& d, Pooling pooling) {
  Tensor dx = Tensor::empty(dy.context(), {d.N, d.H, d.W, d.C}, dy.dtype(), PoolBackward::op);
  run(PoolBackward{.pooling = pooling, .d = d, .x = x.ref(), .dy = dy.ref(), .dx = dx.ref()}, dy.ctx());
  return dx;
}

/// Tap (r, s) of every window, as an image of P x Q pixels: a depthwise convolution with a single one.
Tensor tap(const Tensor& x, const PoolDims& d, std::int64_t r, std::int64_t s) {
  std::vector<float> values(static_cast<std::size_t>(d.C * d.R * d.S));
  for (std::int64_t c = 0; c < d.C; c++) values[static_cast<std::size_t>((c * d.R + r) * d.S + s)] = 1;
  const Tensor one = Tensor::from(x.context(), {d.C, d.R, d.S, 1}, values, x.dtype());
  const auto below = [](std::int64_t outputs, int stride, int window, std::int64_t side, int before, int after) {
    return std::max(after, static_cast<int>((outputs - 1) * stride + window - side - before));  // ceil_mode reads on
  };
  const Pad4 p{d.pad.top, below(d.P(), d.stride_h, d.R, d.H, d.pad.top, d.pad.bottom), d.pad.left,
               below(d.Q(), d.stride_w, d.S, d.W, d.pad.left, d.pad.right)};
  return conv2d(x, one, {}, {.stride = d.stride_h, .groups = static_cast<int>(d.C), .pad = p});
}

Tensor max_pool_gradient(const Tensor& x, const Tensor& dy, const PoolDims& d);

/// g at the pixel where each window of x has its first maximum: the transpose of max_pool_gradient. Composed of taps,
/// since only second derivatives ask for it.
Tensor max_pool_gather(const Tensor& x, const Tensor& g, const PoolDims& d) {
  const NoGrad off(x.ctx());
  const Tensor y = run_forward(x, d, Pooling::max), inside = Tensor::full(x.context(), x.shape(), 1, x.dtype());
  Tensor free = Tensor::full(x.context(), y.shape(), 1, x.dtype()), sum;
  for (int r = 0; r < d.R; r++)
    for (int s = 0; s < d.S; s++) {
      const Tensor differs = map(abs(tap(x, d, r, s) - y), Map::step);
      const Tensor here = (-differs + 1) * tap(inside, d, r, s) * free;
      free = free - here;
      const Tensor part = here * tap(g, d, r, s);
      sum = sum ? sum + part : part;
    }
  return sum;
}

/// dx of max_pool, linear in dy.
Tensor max_pool_gradient(const Tensor& x, const Tensor& dy, const PoolDims& d) {
  return record(
      run_backward(x, dy, d, Pooling::max), "max_pool_gradient", {dy},
      [=](const Tensor& g, const Wanted&) -> Gradients {
        return {record(max_pool_gather(x, g.detach(), d), "max_pool_gather", {g},
                       [=](const Tensor& h, const Wanted&) -> Gradients { return {max_pool_gradient(x, h, d)}; })};
      });
}

Tensor average_pool_of(const Tensor& x, const PoolDims& d);

Tensor average_pool_gradient(const Tensor& dy, const PoolDims& d) {
  return record(run_backward({}, dy, d, Pooling::average), "average_pool_gradient", {dy},
                [d](const Tensor& g, const Wanted&) -> Gradients { return {average_pool_of(g, d)}; });
}

Tensor average_pool_of(const Tensor& x, const PoolDims& d) {
  return record(run_forward(x, d, Pooling::average), "average_pool", {x},
                [d](const Tensor& dy, const Wanted&) -> Gradients { return {average_pool_gradient(dy, d)}; });
}

}  // namespace

Tensor max_pool(const Tensor& x, const PoolOptions& options) {
  const PoolDims d = pool_dims(x, options, "max_pool");
  return record(run_forward(x, d, Pooling::max), "max_pool", {x},
                [kept = x.detach(), d](const Tensor& dy, const Wanted&) -> Gradients {
                  return {max_pool_gradient(kept, dy, d)};
                });
}

Tensor average_pool(const Tensor& x, const PoolOptions& options) {
  return average_pool_of(x, pool_dims(x, options, "average_pool"));
}

Tensor global_average_pool(const Tensor& x) {
  image_dims(x, "global_average_pool");
  return mean(x, {1, 2}, true);
}

}  // namespace sumi
