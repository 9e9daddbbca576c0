#include <cstring>
#include <map>
#include <tuple>

#include "kernels/conv2d/band.h"
#include "kernels/conv2d/onednn.h"
#include "kernels/conv2d/onednn_layout.h"
#include "kernels/conv2d/pieces.h"
#include "kernels/core/floats.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

using namespace onednn;

/// dw of one slice of the output channels from one piece of the pixels.
struct Job {
  Piece out;
  std::int64_t k_begin = 0, k_count = 0;
  std::int64_t in_begin = 0, in_rows = 0;
  std::size_t step = 0;
};

struct Step {
  dnnl::primitive primitive;
  Desc x, dy, dw, scratchpad;
};

/// Jobs stand slice by slice; each slice has as many jobs as there are pieces, whose dw are added in order.
struct Plan {
  std::vector<Job> jobs;
  std::vector<Step> steps;
  std::size_t pieces = 0, dy_bytes = 0, dw_bytes = 0, scratchpad_bytes = 0;
  bool slices = false;  // dy is copied, slice by slice

  std::size_t add(Step s) {
    dy_bytes = std::max(dy_bytes, s.dy.get_size());
    dw_bytes = std::max(dw_bytes, (s.dw.get_size() + 63) / 64 * 64);
    scratchpad_bytes = std::max(scratchpad_bytes, s.scratchpad.get_size());
    steps.push_back(std::move(s));
    return steps.size() - 1;
  }
};

/// Adding the pieces' dw costs 2 * pieces * |dw| bytes at about 20 GB/s: as many pieces as keep that under 5 % of the
/// time of the products, and slices of at least 32 channels where that leaves fewer than 8 jobs.
std::pair<std::int64_t, std::int64_t> pieces_and_slices(const Conv2dDims& d, double bytes) {
  const std::int64_t wanted = piece_count(d.flops(), bytes);
  const auto cheap = static_cast<std::int64_t>(d.flops() * 0.0022 / (4.0 * static_cast<double>(d.w_count())));
  const std::int64_t pieces = std::clamp<std::int64_t>(cheap, 1, std::min<std::int64_t>(wanted, 16));
  const std::int64_t slices =
      d.groups > 1 ? 1 : std::min((std::min<std::int64_t>(wanted, 8) + pieces - 1) / pieces, d.K / 32);
  return {pieces, std::max<std::int64_t>(1, slices)};
}

Step make_step(const Conv2dDims& d, const Job& j, int top, int bottom, DType dtype, const Desc* format,
               const dnnl::engine& engine) {
  Conv2dDims part = d;
  part.K = j.k_count;
  const auto t = type_of(dtype), f32 = dnnl::memory::data_type::f32;
  const Desc x = activation(j.out.images, j.in_rows, d.W, d.C, t),
             dy = activation(j.out.images, j.out.rows, d.Q(), part.K, t);
  const Dims before{top, d.pad.left}, after{bottom, d.pad.right};
  const auto direct = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::primitive_desc hint(
      {dnnl::prop_kind::forward_training, direct, x, onednn::filter(part, t, nullptr), dy, strides(d), dilations(d),
       before, after},
      engine);
  const dnnl::convolution_backward_weights::desc desc(direct, x, onednn::filter(part, f32, format), dy, strides(d),
                                                      dilations(d), before, after);
  const dnnl::convolution_backward_weights::primitive_desc pd(desc, user_scratchpad(), engine, hint);
  return {dnnl::convolution_backward_weights(pd), pd.src_desc(), pd.diff_dst_desc(), pd.diff_weights_desc(),
          pd.scratchpad_desc()};
}

std::shared_ptr<Plan> make_plan(const Conv2dDims& d, DType dtype, double bytes, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  const auto [piece_total, slices] = pieces_and_slices(d, bytes);
  const std::vector<Piece> pieces = cut_pieces(d.N, d.P(), piece_total);
  plan->pieces = pieces.size();
  plan->slices = slices > 1;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, int, int>, std::size_t> known;
  std::map<std::int64_t, Desc> formats;  // by slice size: jobs whose dw are added share one
  const std::int64_t blocks = slices > 1 ? (d.K + 15) / 16 : 1, block = slices > 1 ? 16 : d.K;
  for (std::int64_t s = 0; s < slices; s++)
    for (const Piece& out : pieces) {
      const std::int64_t k_begin = blocks * s / slices * block,
                         k_end = std::min(d.K, blocks * (s + 1) / slices * block);
      Job j{out, k_begin, k_end - k_begin};
      const std::int64_t from = out.begin * d.stride_h - d.pad.top,
                         rows = (out.rows - 1) * d.stride_h + d.dilation_h * (d.R - 1) + 1;
      j.in_begin = std::max<std::int64_t>(0, from);
      const std::int64_t end = out.images > 1 ? d.H : std::min(d.H, from + rows);
      j.in_rows = end - j.in_begin;
      const int top = static_cast<int>(j.in_begin - from);
      const int bottom = out.images > 1 ? d.pad.bottom : static_cast<int>(from + rows - end);
      const auto [at, is_new] = known.try_emplace({out.images, out.rows, j.k_count, top, bottom});
      if (is_new) {
        const auto format = formats.find(j.k_count);
        at->second =
            plan->add(make_step(d, j, top, bottom, dtype, format == formats.end() ? nullptr : &format->second, engine));
        formats.try_emplace(j.k_count, plan->steps.back().dw);
      }
      j.step = at->second;
      plan->jobs.push_back(j);
    }
  return plan;
}

/// dy's channels [k_begin, k_begin + k_count) of the job's pixels: in place, or copied to `to`.
void* dy_of(const Conv2dBackwardWeight& a, const Job& j, bool slices, char* to) {
  const std::size_t element = size_of(a.dy.dtype);
  const auto pixels = static_cast<std::size_t>(j.out.images * j.out.rows * a.d.Q());
  const auto first = static_cast<std::size_t>((j.out.n * a.d.P() + j.out.begin) * a.d.Q());
  const std::size_t line = static_cast<std::size_t>(a.d.K) * element,
                    part = static_cast<std::size_t>(j.k_count) * element;
  char* from = a.dy.as<char>() + first * line + static_cast<std::size_t>(j.k_begin) * element;
  if (!slices) return from;
  for (std::size_t i = 0; i < pixels; i++) std::memcpy(to + i * part, from + i * line, part);
  return to;
}

void run_jobs(const Conv2dBackwardWeight& a, const Plan& plan, const dnnl::engine& e, char* parts, Context& ctx) {
  parallel_for(ctx, static_cast<std::int64_t>(plan.jobs.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const ThreadScope one(1);
    guarded(a.op, [&] {
      const Scratch slice = ctx.scratch(plan.slices ? plan.dy_bytes : 1),
                    scratchpad = ctx.scratch(plan.scratchpad_bytes + 1);
      dnnl::stream stream(e);
      for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); k++) {
        const Job& j = plan.jobs[k];
        const Step& s = plan.steps[j.step];
        char* x = a.x.as<char>() +
                  static_cast<std::size_t>((j.out.n * a.d.H + j.in_begin) * a.d.W * a.d.C) * size_of(a.x.dtype);
        s.primitive.execute(stream,
                            {{DNNL_ARG_SRC, dnnl::memory(s.x, e, x)},
                             {DNNL_ARG_DIFF_DST, dnnl::memory(s.dy, e, dy_of(a, j, plan.slices, slice.as<char>()))},
                             {DNNL_ARG_DIFF_WEIGHTS, dnnl::memory(s.dw, e, parts + k * plan.dw_bytes)},
                             {DNNL_ARG_SCRATCHPAD, dnnl::memory(s.scratchpad, e, scratchpad.as<void>())}});
        stream.wait();
      }
    });
  });
}

/// Each slice's parts are added to its first, in order, then written to dw in its own layout and dtype.
void add_parts(const Conv2dBackwardWeight& a, const Plan& plan, const dnnl::engine& e, char* parts, Context& ctx) {
  const ThreadScope threads(ctx.threads());
  dnnl::stream stream(e);
  for (std::size_t first = 0; first < plan.jobs.size(); first += plan.pieces) {
    const Job& j = plan.jobs[first];
    const Desc& format = plan.steps[j.step].dw;
    auto* sum = reinterpret_cast<float*>(parts + first * plan.dw_bytes);
    parallel_for(ctx, static_cast<std::int64_t>(format.get_size() / sizeof(float)), 4096,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::size_t p = 1; p < plan.pieces; p++)
                     add_floats(reinterpret_cast<float*>(parts + (first + p) * plan.dw_bytes) + begin, end - begin,
                                sum + begin);
                 });
    Conv2dDims part = a.d;
    part.K = j.k_count;
    char* dw = a.dw.as<char>() + static_cast<std::size_t>(j.k_begin * a.d.R * a.d.S * a.d.Cg()) * size_of(a.dw.dtype);
    dnnl::memory from(format, e, sum), to(plain_filter(part, type_of(a.dw.dtype)), e, dw);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
  }
}

/// Column sums of dy over chunks of 1024 pixels, then over the chunks in order.
void sum_bias(const Conv2dBackwardWeight& a, Context& ctx) {
  constexpr std::int64_t kPixels = 1024;
  const std::int64_t pixels = a.d.N * a.d.P() * a.d.Q(), K = a.d.K, chunks = (pixels + kPixels - 1) / kPixels;
  const Scratch parts = ctx.scratch(static_cast<std::size_t>(chunks * K) * sizeof(float));
  std::fill_n(parts.as<float>(), chunks * K, 0.f);
  parallel_for(ctx, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++)
      add_band_sums(a.dy, i * kPixels * K, std::min(kPixels, pixels - i * kPixels), K, parts.as<float>() + i * K);
  });
  std::fill_n(a.dbias.as<float>(), K, 0.f);
  for (std::int64_t i = 0; i < chunks; i++) add_floats(parts.as<float>() + i * K, K, a.dbias.as<float>());
}

}  // namespace

bool conv2d_backward_weight_onednn_supports(const Conv2dBackwardWeight& a, const DeviceInfo& device) {
  return onednn::supports(a.dtype(), device) && a.dy.dtype == a.x.dtype && a.d.pad_mode == PadMode::zero &&
         reads_image_everywhere(a.d);
}

void conv2d_backward_weight_onednn(const Conv2dBackwardWeight& a, Context& ctx) {
  guarded(a.op, [&] {
    const dnnl::engine e = engine(ctx);
    const auto plan = ctx.cache().plan<Plan>("onednn", concat(a.op, a.key(), name_of(a.x.dtype)),
                                             [&] { return make_plan(a.d, a.x.dtype, a.bytes(), e); });
    const Scratch parts = ctx.scratch(plan->jobs.size() * plan->dw_bytes);
    run_jobs(a, *plan, e, parts.as<char>(), ctx);
    add_parts(a, *plan, e, parts.as<char>(), ctx);
  });
  if (a.dbias) sum_bias(a, ctx);
}

}  // namespace sumi
