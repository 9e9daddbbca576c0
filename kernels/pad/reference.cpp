#include "kernels/pad/reference.h"

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

/// The pixel of x that pixel i of y reads, or -1.
template <class Args>
std::int64_t source(const Args& a, std::int64_t i) {
  const Dims4 y = a.y_dims();
  const std::int64_t h = padded_index(i / y.W % y.H - a.pad.top, a.d.H, a.mode);
  const std::int64_t w = padded_index(i % y.W - a.pad.left, a.d.W, a.mode);
  return h < 0 || w < 0 ? -1 : (i / y.W / y.H * a.d.H + h) * a.d.W + w;
}

template <class T>
void forward(const PadForward& a, Context& ctx) {
  const Dims4 y = a.y_dims();
  parallel_for(ctx, y.N * y.H * y.W, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t from = source(a, i);
      for (std::int64_t c = 0; c < y.C; c++)
        store(a.y.as<T>(), i * y.C + c, from < 0 ? a.value : load(a.x.as<T>(), from * y.C + c));
    }
  });
}

template <class T>
void backward(const PadBackward& a, Context& ctx) {
  const Dims4 y = a.y_dims();
  std::vector<double> sums(static_cast<std::size_t>(a.d.count()));
  parallel_for(ctx, y.N, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * y.H * y.W; i < end * y.H * y.W; i++) {
      const std::int64_t from = source(a, i);
      for (std::int64_t c = 0; c < y.C && from >= 0; c++)
        sums[static_cast<std::size_t>(from * y.C + c)] += load(a.dy.as<T>(), i * y.C + c);
    }
  });
  for (std::int64_t i = 0; i < a.d.count(); i++) store(a.dx.as<T>(), i, sums[static_cast<std::size_t>(i)]);
}

}  // namespace

void pad_forward_reference(const PadForward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { forward<decltype(t)>(a, ctx); });
}
void pad_backward_reference(const PadBackward& a, Context& ctx) {
  visit_float(a.dtype(), [&](auto t) { backward<decltype(t)>(a, ctx); });
}

}  // namespace sumi
