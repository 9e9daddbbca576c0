// The rows `naive` and `tiled` of the three tables: any stride, dilation, groups, padding, prologue and epilogue, by
// the definition. Products per group; the transpose tests each tap for an input that it meets, so at stride 2 three of
// four multiply-adds are by nothing.
//   naive   a thread a result. A multiply-add locates and reads two elements: 4 divisions, some 100 instructions.
//           Expected: 1 % of f32's peak.
//   tiled   the one change: 32 x 32 tiles in shared memory, an element located and read once for 32 results. Expected:
//           10 to 15 times naive; then shared memory is the limit, 5 reads for 4 multiply-adds.
#include "kernels/conv2d/channel_sums.h"
#include "kernels/conv2d/rows_cuda.h"
#include "kernels/gemm/tile_elements.h"

namespace sumi::cuda {
namespace {

/// One axis: the input position that tap t of output i meets, or -1.
struct ElementAxis {
  int in, out, filter, stride, dilation, pad;
  PadMode mode;
  bool transposed;
  __device__ int at(int i, int t) const {
    if (!transposed) return static_cast<int>(padded_index(i * stride + t * dilation - pad, in, mode));
    const int position = i + pad - t * dilation;
    return position < 0 || position % stride != 0 || position / stride >= in ? -1 : position / stride;
  }
};

/// What is read from an image, and how.
template <class T>
struct ElementImage {
  const T* x;
  ElementAxis h, w;
  int C;
  const float *scale, *shift;
  Map act;
  float a;
  __device__ float at(std::int64_t n, int p, int q, int r, int s, int c) const {
    const int row = h.at(p, r), column = w.at(q, s);
    if (row < 0 || column < 0) return 0;
    const float v = to_float(x[((n * h.in + row) * w.in + column) * C + c]);
    return scale ? map_at(act, fmaf(v, scale[n * C + c], shift[n * C + c]), a) : v;
  }
};

/// Output pixel m of an image.
struct Pixel {
  std::int64_t n;
  int p, q;
  template <class T>
  __device__ Pixel(const ElementImage<T>& i, int m)
      : n(m / i.w.out / i.h.out), p(m / i.w.out % i.h.out), q(m % i.w.out) {}
};

template <class T>
struct ConvElements {
  using Element = T;
  ElementImage<T> image;
  const T* filter;
  int Cg, M, N, K;  // N: output channels of a group
  TileGrid grid;
  Finish<T> finish;

  struct Part;
  struct Row {
    const Part& o;
    Pixel at_pixel;
    __device__ float at(int k) const {
      const int tap = k / o.Cg;
      return o.image.at(at_pixel.n, at_pixel.p, at_pixel.q, tap / o.image.w.filter, tap % o.image.w.filter,
                        o.group * o.Cg + k % o.Cg);
    }
  };
  struct Part {
    ElementImage<T> image;
    const T* filter;
    int Cg, M, N, K, group;
    __device__ Row row(int m) const { return {*this, Pixel(image, m)}; }
    __device__ float right(int k, int n) const {
      const std::int64_t c = k % Cg, tap = k / Cg, taps = image.h.filter * image.w.filter;
      if (image.w.transposed) return to_float(filter[((group * Cg + c) * taps + tap) * N + n]);
      return to_float(filter[((std::int64_t{group} * N + n) * taps + tap) * Cg + c]);
    }
    __device__ std::int64_t row_of(int m) const { return m; }
    __device__ int column_of(int n) const { return group * N + n; }
  };
  __device__ Part part(std::int64_t product) const { return {image, filter, Cg, M, N, K, static_cast<int>(product)}; }
};

template <class T, class Out>
struct WeightElements {
  using Element = T;
  ElementImage<T> image;
  const T* dy;
  int Cg, channels, M, N, K;  // M: output channels of a group
  TileGrid grid;
  Finish<Out> finish;

  struct Row {
    const T* dy;
    int channels;
    __device__ float at(int k) const { return to_float(dy[std::int64_t{k} * channels]); }
  };
  struct Part {
    ElementImage<T> image;
    const T* dy;
    int Cg, channels, M, K, group;
    __device__ Row row(int m) const { return {dy + group * M + m, channels}; }
    __device__ float right(int k, int n) const {
      const Pixel pixel(image, k);
      const int tap = n / Cg;
      return image.at(pixel.n, pixel.p, pixel.q, tap / image.w.filter, tap % image.w.filter, group * Cg + n % Cg);
    }
    __device__ std::int64_t row_of(int m) const { return group * M + m; }
    __device__ int column_of(int n) const { return n; }
  };
  __device__ Part part(std::int64_t product) const {
    return {image, dy, Cg, channels, M, K, static_cast<int>(product)};
  }
};

template <class T>
ElementImage<T> image_of(const Conv2dDims& d, const TensorRef& x, const Prologue& p, bool transposed) {
  const auto axis = [&](std::int64_t in, std::int64_t out, std::int64_t filter, int stride, int dilation, int pad) {
    return ElementAxis{static_cast<int>(transposed ? out : in),
                       static_cast<int>(transposed ? in : out),
                       static_cast<int>(filter),
                       stride,
                       dilation,
                       pad,
                       d.pad_mode,
                       transposed};
  };
  return {x.as<T>(),
          axis(d.H, d.P(), d.R, d.stride_h, d.dilation_h, d.pad.top),
          axis(d.W, d.Q(), d.S, d.stride_w, d.dilation_w, d.pad.left),
          static_cast<int>(transposed ? d.K : d.C),
          p.scale.as<float>(),
          p.shift.as<float>(),
          p.act,
          static_cast<float>(p.a)};
}

template <class T>
ConvElements<T> elements_of(const Conv2dDims& d, const TensorRef& x, const TensorRef& w, const TensorRef& y,
                            const Prologue& p, const Epilogue& e, bool transposed) {
  const std::int64_t Cg = transposed ? d.Kg() : d.Cg(), Kg = transposed ? d.Cg() : d.Kg();
  const std::int64_t pixels = d.N * (transposed ? d.H * d.W : d.P() * d.Q());
  check(pixels <= 0x7fffffff, "cuda: ", pixels, " pixels are too many for one convolution");
  return {.image = image_of<T>(d, x, p, transposed),
          .filter = w.as<T>(),
          .Cg = static_cast<int>(Cg),
          .M = static_cast<int>(pixels),
          .N = static_cast<int>(Kg),
          .K = static_cast<int>(d.R * d.S * Cg),
          .grid = {},
          .finish = {.y = y.as<T>(),
                     .N = static_cast<int>(transposed ? d.C : d.K),
                     .bias = e.bias.as<float>(),
                     .residual = e.residual.as<T>(),
                     .act = e.act,
                     .a = static_cast<float>(e.a)}};
}

template <class T, class Out>
WeightElements<T, Out> elements_of(const Conv2dBackwardWeight& a) {
  const Conv2dDims& d = a.d;
  const auto columns = static_cast<int>(d.R * d.S * d.Cg());
  return {.image = image_of<T>(d, a.x, {}, false),
          .dy = a.dy.as<T>(),
          .Cg = static_cast<int>(d.Cg()),
          .channels = static_cast<int>(d.K),
          .M = static_cast<int>(d.Kg()),
          .N = columns,
          .K = static_cast<int>(d.N * d.P() * d.Q()),
          .grid = {},
          .finish = {.y = a.dw.as<Out>(), .N = columns}};
}

/// Calls start(problem, groups) with the problem in the type of its data, then makes the statistics.
template <class Start>
void run_elements(const Conv2dForward& a, Context& ctx, Start&& start) {
  visit_gpu_float(a.dtype(), [&](auto t) {
    start(elements_of<decltype(t)>(a.d, a.x, a.w, a.y, a.prologue, a.epilogue, false), a.d.groups);
  });
  store_moments(a.epilogue, a.y, a.d.N, a.d.P() * a.d.Q(), a.d.K, ctx);
}

template <class Start>
void run_elements(const Conv2dBackwardInput& a, Context& ctx, Start&& start) {
  check(a.d.pad_mode == PadMode::zero, a.op, ": only zero padding, got ", name_of(a.d.pad_mode));
  visit_gpu_float(a.dtype(), [&](auto t) {
    start(elements_of<decltype(t)>(a.d, a.dy, a.w, a.dx, a.prologue, a.epilogue, true), a.d.groups);
  });
  store_moments(a.epilogue, a.dx, a.d.N, a.d.H * a.d.W, a.d.C, ctx);
}

template <class Start>
void run_elements(const Conv2dBackwardWeight& a, Context& ctx, Start&& start) {
  check(a.d.N * a.d.P() * a.d.Q() <= 0x7fffffff, "cuda: too many pixels for one convolution, ", a.key());
  visit_gpu_float(a.dtype(), [&](auto t) {
    using T = decltype(t);
    if (a.dw.dtype == a.x.dtype)
      start(elements_of<T, T>(a), a.d.groups);
    else
      start(elements_of<T, float>(a), a.d.groups);
  });
  store_bias_gradient(a, ctx);
}

template <class Args>
void run_naive(const Args& a, Context& ctx) {
  run_elements(a, ctx, [&](const auto& p, int groups) { launch_naive(p, groups, ctx.stream()); });
}

template <class Args>
void run_tiled(const Args& a, Context& ctx) {
  run_elements(a, ctx, [&](const auto& p, int groups) { launch_tiled(p, groups, ctx.stream()); });
}

}  // namespace

void conv2d_forward_naive(const Conv2dForward& a, Context& ctx) { run_naive(a, ctx); }
void conv2d_forward_tiled(const Conv2dForward& a, Context& ctx) { run_tiled(a, ctx); }
void conv2d_backward_input_naive(const Conv2dBackwardInput& a, Context& ctx) { run_naive(a, ctx); }
void conv2d_backward_input_tiled(const Conv2dBackwardInput& a, Context& ctx) { run_tiled(a, ctx); }
void conv2d_backward_weight_naive(const Conv2dBackwardWeight& a, Context& ctx) { run_naive(a, ctx); }
void conv2d_backward_weight_tiled(const Conv2dBackwardWeight& a, Context& ctx) { run_tiled(a, ctx); }

}  // namespace sumi::cuda
