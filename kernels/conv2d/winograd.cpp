#include "kernels/conv2d/winograd.h"

#include <algorithm>
#include <string>

#include "kernels/core/parallel.h"

namespace sumi {
namespace winograd {
namespace {

constexpr std::size_t kStreamFrom = 1u << 20;  // bytes of y from which storing past the caches pays

bool is_dense(const Conv2dDims& d) {
  return d.R >= 3 && d.S >= 3 && d.unit_stride() && d.unit_dilation() && d.groups == 1;
}

bool can_fuse(const Prologue& p, const Epilogue& e) {
  return is_complete(p, e) && (!p || p.act <= Map::leaky_relu) && e.act <= Map::leaky_relu;
}

/// A tile costs products() C K whatever it keeps of its 16 pixels, the plain sum R S C K for each of them: it must be
/// twice as many. The transformed filters are more, too: a batch must have some tiles.
bool pays(std::int64_t N, std::int64_t P, std::int64_t Q, std::int64_t C, std::int64_t K, const Parts& parts) {
  const std::int64_t kept = P * Q, computed = round_up(P, kTile) * round_up(Q, kTile);
  const std::int64_t plain = kept * parts.R * parts.S, here = computed / (kTile * kTile) * parts.products();
  return C >= 16 && K >= 8 && plain >= 2 * here && N * kept >= 64;
}

/// Pixels of the segment of `chunk` that lies in image n.
std::int64_t pixels(const Job& j, std::int64_t chunk, std::int64_t n) {
  const std::int64_t per_image = j.tile_rows * j.tile_columns;
  const std::int64_t begin = std::max(j.first_tile(chunk), n * per_image);
  const std::int64_t end = std::min(j.first_tile(chunk + 1), (n + 1) * per_image);
  std::int64_t count = 0;
  for (std::int64_t t = begin; t < end; t++)
    count += std::min(kTile, j.P - t / j.tile_columns % j.tile_rows * kTile) *
             std::min(kTile, j.Q - t % j.tile_columns * kTile);
  return count;
}

/// Channels [begin, end) of image n: the segments' shifted sums, merged in order after Chan et al. (1979).
void merge_moments(const Job& j, std::int64_t n, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kWidth = 64;
  double mean[kWidth] = {}, m2[kWidth] = {}, count = 0;
  const std::int64_t per_image = j.tile_rows * j.tile_columns, up = round_up(j.K, kGroup);
  for (std::int64_t chunk = n * per_image * j.chunks / j.tiles(); chunk < j.chunks; chunk++) {
    if (j.first_tile(chunk) >= (n + 1) * per_image) break;
    const auto more = static_cast<double>(pixels(j, chunk, n));
    if (more == 0) continue;
    const float* shift = j.moments + (chunk + n) * j.moments_row() + begin;
    const double part = more / (count + more), weight = count * part;
    for (std::int64_t k = 0; k < end - begin; k++) {
      const double sum = shift[up + k], delta = shift[k] + sum / more - mean[k];
      mean[k] += delta * part;
      m2[k] += shift[2 * up + k] - sum * sum / more + delta * delta * weight;
    }
    count += more;
  }
  for (std::int64_t k = 0; k < end - begin; k++) {
    const double var = m2[k] / count;
    j.epilogue.mean.as<float>()[n * j.K + begin + k] = static_cast<float>(mean[k]);
    j.epilogue.var.as<float>()[n * j.K + begin + k] = static_cast<float>(var < 0 ? 0 : var);
  }
}

void store_moments(const Job& j, Context& ctx) {
  const std::int64_t parts = (j.K + 63) / 64;
  parallel_for(ctx, j.N * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t u = begin; u < end; u++) {
      const std::int64_t k = u % parts * 64;
      merge_moments(j, u / parts, k, std::min(j.K, k + 64));
    }
  });
}

void plan(Job& j) {
  j.tile_rows = (j.P + kTile - 1) / kTile, j.tile_columns = (j.Q + kTile - 1) / kTile;
  j.chunks = (j.tiles() + chunk_tiles(j.C, j.parts) - 1) / chunk_tiles(j.C, j.parts);
  j.block = std::min<std::int64_t>(64, round_up(j.K, kPanel));
  if (j.chunks * j.blocks() < 8) j.block = kPanel;  // few units: finer ones, to occupy the threads
  const std::size_t bytes = static_cast<std::size_t>(j.N * j.P * j.Q * j.K) * size_of(j.y.dtype);
  j.stream = bytes >= kStreamFrom && j.K % kGroup == 0 && reinterpret_cast<std::uintptr_t>(j.y.data) % 64 == 0;
}

std::shared_ptr<Scratch> packed(std::string_view op, const Filter& f, Context& ctx) {
  const std::string key = concat(op, 'C', f.C, 'K', f.K, 'R', f.parts.R, 'S', f.parts.S);
  return ctx.cache().get<Scratch>("winograd", key, f.w, [&] {
    auto u = std::make_shared<Scratch>(ctx.lasting(static_cast<std::size_t>(packed_count(f)) * sizeof(float)));
    pack(f, u->as<float>(), ctx);
    return u;
  });
}

void convolve(Job& j, const Filter& f, std::string_view op, Context& ctx) {
  plan(j);
  const auto weights = packed(op, f, ctx);
  j.weights = weights->as<float>();
  if (!j.epilogue.mean) return run(j, ctx);
  const auto moments = ctx.scratch(static_cast<std::size_t>((j.chunks + j.N - 1) * j.moments_row()) * sizeof(float));
  j.moments = moments.as<float>();
  run(j, ctx);
  store_moments(j, ctx);
}

}  // namespace
}  // namespace winograd

bool conv2d_forward_winograd_supports(const Conv2dForward& a, const DeviceInfo&) {
  return winograd::is_dense(a.d) && winograd::can_fuse(a.prologue, a.epilogue);
}

bool conv2d_backward_input_winograd_supports(const Conv2dBackwardInput& a, const DeviceInfo&) {
  return winograd::is_dense(a.d) && a.d.pad_mode == PadMode::zero && winograd::can_fuse(a.prologue, a.epilogue);
}

bool conv2d_forward_winograd_pays(const Conv2dForward& a, const DeviceInfo& device) {
  return device.avx2 && winograd::pays(a.d.N, a.d.P(), a.d.Q(), a.d.C, a.d.K, {a.d.R, a.d.S});
}

bool conv2d_backward_input_winograd_pays(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return device.avx2 && winograd::pays(a.d.N, a.d.H, a.d.W, a.d.K, a.d.C, {a.d.R, a.d.S});
}

void conv2d_forward_winograd(const Conv2dForward& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  winograd::Job j{.N = d.N, .H = d.H, .W = d.W, .C = d.C, .P = d.P(), .Q = d.Q(), .K = d.K, .parts = {d.R, d.S}};
  j.top = d.pad.top, j.left = d.pad.left, j.pad_mode = d.pad_mode;
  j.x = a.x, j.y = a.y, j.prologue = a.prologue, j.epilogue = a.epilogue;
  winograd::convolve(j, {a.w, d.C, d.K, j.parts, false}, Conv2dForward::op, ctx);
}

void conv2d_backward_input_winograd(const Conv2dBackwardInput& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  winograd::Job j{.N = d.N, .H = d.P(), .W = d.Q(), .C = d.K, .P = d.H, .Q = d.W, .K = d.C, .parts = {d.R, d.S}};
  j.top = static_cast<int>(d.R) - 1 - d.pad.top, j.left = static_cast<int>(d.S) - 1 - d.pad.left,
  j.pad_mode = PadMode::zero;
  j.x = a.dy, j.y = a.dx, j.prologue = a.prologue, j.epilogue = a.epilogue;
  winograd::convolve(j, {a.w, d.K, d.C, j.parts, true}, Conv2dBackwardInput::op, ctx);
}

}  // namespace sumi
