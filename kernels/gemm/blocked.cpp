// Products by register tiles over packed panels (Goto & van de Geijn 2008): a panel of B stays in the second cache, a
// panel of A in the first. A long K under a small result is cut in fixed parts, summed in order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/blocked.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/core/element.h"
#include "kernels/core/parallel.h"
#include "kernels/gemm/rows.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
constexpr std::int64_t kLanes = HWY_LANES(float);
// 24 accumulators, 2 of B and one broadcast in 32 registers; 12, 2 and 1 in 16.
constexpr std::int64_t kMR = kLanes == 16 ? 12 : kLanes == 8 ? 6 : 4, kNR = 2 * kLanes;
constexpr std::int64_t kKC = 256;  // 12 KiB of A in the first cache
constexpr std::int64_t kTN = 512;  // 512 KiB of B in the second

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

constexpr std::int64_t round_up(std::int64_t v, std::int64_t unit) { return (v + unit - 1) / unit * unit; }

/// c[kMR][kNR] (+)= a' b over kc steps.
void multiply_tile(std::int64_t kc, const float* a, const float* b, float* c, std::int64_t ldc, bool add) {
  const D d;
  hn::Vec<D> sum[kMR][2];
#pragma GCC unroll 12
  for (std::int64_t r = 0; r < kMR; r++) sum[r][0] = sum[r][1] = hn::Zero(d);
  for (std::int64_t k = 0; k < kc; k++) {
    const auto b0 = hn::LoadU(d, b + k * kNR), b1 = hn::LoadU(d, b + k * kNR + kLanes);
#pragma GCC unroll 12
    for (std::int64_t r = 0; r < kMR; r++) {
      const auto v = hn::Set(d, a[k * kMR + r]);
      sum[r][0] = hn::MulAdd(v, b0, sum[r][0]);
      sum[r][1] = hn::MulAdd(v, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 12
  for (std::int64_t r = 0; r < kMR; r++) {
    float* row = c + r * ldc;
    const auto old0 = add ? hn::LoadU(d, row) : hn::Zero(d), old1 = add ? hn::LoadU(d, row + kLanes) : hn::Zero(d);
    hn::StoreU(hn::Add(old0, sum[r][0]), d, row);
    hn::StoreU(hn::Add(old1, sum[r][1]), d, row + kLanes);
  }
}

/// The same where fewer rows or columns are wanted: through a full tile on the side.
void multiply_edge(std::int64_t kc, const float* a, const float* b, float* c, std::int64_t ldc, bool add,
                   std::int64_t rows, std::int64_t columns) {
  float tile[kMR * kNR];
  multiply_tile(kc, a, b, tile, kNR, false);
  for (std::int64_t r = 0; r < rows; r++)
    for (std::int64_t n = 0; n < columns; n++) c[r * ldc + n] = (add ? c[r * ldc + n] : 0) + tile[r * kNR + n];
}

/// to[k][lane] = the operand at (along + lane, k), zeros beyond `lanes`. `dense_k`: k is the operand's fast axis.
template <std::int64_t kWidth, class T>
void pack(const T* from, std::int64_t stride, bool dense_k, std::int64_t lanes, std::int64_t kc, float* to) {
  if (!dense_k && lanes == kWidth) {
    for (std::int64_t k = 0; k < kc; k++)
#pragma omp simd
      for (std::int64_t i = 0; i < kWidth; i++) to[k * kWidth + i] = static_cast<float>(from[k * stride + i]);
    return;
  }
  if (lanes < kWidth) std::fill_n(to, kc * kWidth, 0.f);
  for (std::int64_t i = 0; i < lanes; i++)
    for (std::int64_t k = 0; k < kc; k++)
      to[k * kWidth + i] = static_cast<float>(dense_k ? from[i * stride + k] : from[k * stride + i]);
}

/// c = op(a) op(b) for the rows m, columns n and the part k of the sums, on one thread. a and b are one batch's.
template <class T>
void multiply(const Gemm& g, const T* a, const T* b, Range m, Range n, Range k, float* c, std::int64_t ldc,
              float* packed) {
  if (k.size() == 0)
    for (std::int64_t i = 0; i < m.size(); i++) std::fill_n(c + i * ldc, n.size(), 0.f);
  float* panel = packed + kKC * round_up(n.size(), kNR);
  const std::int64_t lda = g.transpose_a ? g.M : g.K, ldb = g.transpose_b ? g.K : g.N;
  for (std::int64_t k0 = k.begin; k0 < k.end; k0 += kKC) {
    const std::int64_t kc = std::min(kKC, k.end - k0);
    for (std::int64_t j = n.begin; j < n.end; j += kNR)
      pack<kNR>(g.transpose_b ? b + j * ldb + k0 : b + k0 * ldb + j, ldb, g.transpose_b, std::min(kNR, n.end - j), kc,
                packed + (j - n.begin) * kKC);
    for (std::int64_t i = m.begin; i < m.end; i += kMR) {
      const std::int64_t rows = std::min(kMR, m.end - i);
      pack<kMR>(g.transpose_a ? a + k0 * lda + i : a + i * lda + k0, lda, !g.transpose_a, rows, kc, panel);
      for (std::int64_t j = n.begin; j < n.end; j += kNR) {
        const std::int64_t columns = std::min(kNR, n.end - j);
        const float* of_b = packed + (j - n.begin) * kKC;
        float* tile = c + (i - m.begin) * ldc + j - n.begin;
        if (rows == kMR && columns == kNR)
          multiply_tile(kc, panel, of_b, tile, ldc, k0 > k.begin);
        else
          multiply_edge(kc, panel, of_b, tile, ldc, k0 > k.begin, rows, columns);
      }
    }
  }
}

/// y = alpha * (sum of `parts` results, each `part_stride` after the last) + bias for a block of y.
template <class T>
void finish(const Gemm& g, const float* c, std::int64_t ldc, std::int64_t parts, std::int64_t part_stride, Range m,
            Range n, T* y) {
  const auto alpha = static_cast<float>(g.alpha);
  for (std::int64_t i = m.begin; i < m.end; i++) {
    const float* row = c + (i - m.begin) * ldc - n.begin;
    for (std::int64_t j = n.begin; j < n.end; j++) {
      float sum = row[j];
      for (std::int64_t p = 1; p < parts; p++) sum += row[p * part_stride + j];
      put(y, i * g.N + j, alpha * sum + (g.bias ? g.bias.as<float>()[j] : 0));
    }
  }
}

/// How the work is cut. The parts of K follow from the shape alone; tiles of y change no sum and follow the threads.
struct Cut {
  std::int64_t tm, tn, tiles_m, tiles_n, parts, k_part;
  Cut(const Gemm& g, int threads) : tm(round_up(std::min<std::int64_t>(g.M, 512), kMR)), tn(std::min(g.N, kTN)) {
    const bool split = g.M * g.N <= 256 * 256 && g.K >= 4096;
    k_part = split ? std::max<std::int64_t>(2048, round_up((g.K + 15) / 16, kKC)) : std::max<std::int64_t>(g.K, 1);
    parts = std::max<std::int64_t>(1, (g.K + k_part - 1) / k_part);
    tiles_n = (g.N + tn - 1) / tn;
    while (g.batch * tiles_n * ((g.M + tm - 1) / tm) * parts < threads && tm >= 8 * kMR) tm = round_up(tm / 2, kMR);
    tiles_m = (g.M + tm - 1) / tm;
  }
  std::int64_t tasks(const Gemm& g) const { return g.batch * parts * tiles_m * tiles_n; }
};

template <class T>
void run_tasks(const Gemm& g, Context& ctx, const Cut& cut, float* partial) {
  const bool direct = sizeof(T) == 4 && cut.parts == 1;
  const std::int64_t packed = kKC * (round_up(cut.tn, kNR) + kMR);
  parallel_for(ctx, cut.tasks(g), 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t side = direct || partial ? 0 : cut.tm * cut.tn;
    const Scratch scratch = ctx.scratch(static_cast<std::size_t>(packed + side) * sizeof(float));
    for (std::int64_t t = begin; t < end; t++) {
      const std::int64_t p = t % cut.parts, tile = t / cut.parts, im = tile / cut.tiles_n % cut.tiles_m;
      const std::int64_t in = tile % cut.tiles_n, image = tile / cut.tiles_n / cut.tiles_m;
      const Range m{im * cut.tm, std::min(g.M, (im + 1) * cut.tm)}, n{in * cut.tn, std::min(g.N, (in + 1) * cut.tn)};
      const Range k{p * cut.k_part, std::min(g.K, (p + 1) * cut.k_part)};
      T* y = g.y.as<T>() + image * g.M * g.N;
      float* c = scratch.template as<float>() + packed;
      std::int64_t ldc = cut.tn;
      if (partial) {
        c = partial + (image * cut.parts + p) * g.M * g.N + m.begin * g.N + n.begin, ldc = g.N;
      } else if constexpr (sizeof(T) == 4) {
        c = y + m.begin * g.N + n.begin, ldc = g.N;
      }
      multiply(g, g.a.as<T>() + (g.shared_a ? 0 : image * g.M * g.K),
               g.b.as<T>() + (g.shared_b ? 0 : image * g.K * g.N), m, n, k, c, ldc, scratch.template as<float>());
      if (!partial && (sizeof(T) == 2 || g.alpha != 1 || g.bias)) finish(g, c, ldc, 1, 0, m, n, y);
    }
  });
}

template <class T>
void run_as(const Gemm& g, Context& ctx) {
  const Cut cut(g, ctx.threads());
  if (cut.parts == 1) return run_tasks<T>(g, ctx, cut, nullptr);
  const std::int64_t outputs = g.M * g.N;
  const Scratch partial = ctx.scratch(static_cast<std::size_t>(g.batch * cut.parts * outputs) * sizeof(float));
  run_tasks<T>(g, ctx, cut, partial.as<float>());
  parallel_for(ctx, g.batch * g.M, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) {
      const std::int64_t image = i / g.M, m = i % g.M;
      finish(g, partial.as<float>() + image * cut.parts * outputs + m * g.N, g.N, cut.parts, outputs, Range{m, m + 1},
             Range{0, g.N}, g.y.as<T>() + image * outputs);
    }
  });
}

void run_blocked(const Gemm& g, Context& ctx) {
  if (g.batch * g.M * g.N == 0) return;
  visit_f32_bf16(g.dtype(), [&](auto t) { run_as<decltype(t)>(g, ctx); });
}

}  // namespace
}  // namespace sumi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {

HWY_EXPORT(run_blocked);

void gemm_blocked(const Gemm& a, Context& ctx) { HWY_DYNAMIC_DISPATCH(run_blocked)(a, ctx); }

}  // namespace sumi
#endif
