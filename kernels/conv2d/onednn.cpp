#include "kernels/conv2d/onednn.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "kernels/conv2d/band.h"
#include "kernels/conv2d/onednn_layout.h"
#include "kernels/conv2d/pieces.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

using namespace onednn;

/// A primitive with the descriptors of what it reads and writes.
struct Step {
  dnnl::primitive primitive;
  Desc input, filter, output, scratchpad;
  bool plain_loops = false;  // the library's own reference: a thousand times slower
};

/// A piece of the output, the rows of the input it reads (which may lie outside the image when staged), and its step.
struct Job {
  Piece out;
  std::int64_t in_begin = 0, in_rows = 0;
  std::size_t step = 0;
};

struct Plan {
  std::vector<Job> jobs;
  std::vector<Step> steps;
  std::size_t input_bytes = 0, output_bytes = 0, scratchpad_bytes = 0;  // the largest of all steps

  std::size_t add(Step s) {
    input_bytes = std::max(input_bytes, s.input.get_size());
    output_bytes = std::max(output_bytes, s.output.get_size());
    scratchpad_bytes = std::max(scratchpad_bytes, s.scratchpad.get_size());
    steps.push_back(std::move(s));
    return steps.size() - 1;
  }
  const Desc* filter_format() const { return steps.empty() ? nullptr : &steps.front().filter; }
};

/// What forward and the transpose have in common: one image in, one out.
struct Problem {
  std::string_view op;
  TensorRef in, w, out;
  Dims4 in_dims, out_dims;
  const Prologue& prologue;
  const Epilogue& epilogue;
  bool stages;          // the input is copied, mapped and padded, band by band
  bool writes_through;  // the primitive's output is the result, but for an epilogue in place
  int left, right;      // columns of padding that staging adds
  PadMode pad_mode;
};

double bytes_of(const Problem& p) {
  return static_cast<double>(p.in_dims.count() + p.out_dims.count()) * static_cast<double>(size_of(p.in.dtype));
}

dnnl::memory::data_type output_type(const Problem& p) {
  return p.writes_through ? type_of(p.out.dtype) : dnnl::memory::data_type::f32;
}

/// bf16 sums stay f32 until the epilogue is done.
bool can_write_through(const Epilogue& e, DType t) {
  return t == DType::f32 || (!e.bias && !e.residual && e.act == Map::identity);
}

bool is_plain_loops(const char* implementation) { return std::string_view(implementation).starts_with("ref"); }

Step forward_step(const Conv2dDims& d, const Problem& p, const Job& j, int top, int bottom, const Desc* format,
                  const dnnl::engine& engine) {
  const auto t = type_of(p.in.dtype);
  const std::int64_t width = d.W + (p.stages ? d.pad.left + d.pad.right : 0);
  const Dims before{top, p.stages ? 0 : d.pad.left}, after{bottom, p.stages ? 0 : d.pad.right};
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      activation(j.out.images, j.in_rows, width, d.C, t), onednn::filter(d, t, format),
      activation(j.out.images, j.out.rows, d.Q(), d.K, output_type(p)), strides(d), dilations(d), before, after);
  const dnnl::convolution_forward::primitive_desc pd(desc, user_scratchpad(), engine);
  return {dnnl::convolution_forward(pd),     pd.src_desc(), pd.weights_desc(), pd.dst_desc(), pd.scratchpad_desc(),
          is_plain_loops(pd.impl_info_str())};
}

/// A step that shares the first one's filter layout where the library has a kernel for that: 1x1 convolutions of one
/// and of two rows want different ones.
template <class MakeStep>
Step with_fitting_filter(const Plan& plan, const MakeStep& make) {
  Step shared = make(plan.filter_format());
  return shared.plain_loops && plan.filter_format() ? make(nullptr) : shared;
}

std::shared_ptr<Plan> plan_forward(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  std::map<std::tuple<std::int64_t, std::int64_t, int, int>, std::size_t> known;
  for (const Piece& out : cut_pieces(d.N, d.P(), piece_count(d.flops(), bytes_of(p)))) {
    Job j{out, out.begin * d.stride_h - d.pad.top, (out.rows - 1) * d.stride_h + d.dilation_h * (d.R - 1) + 1};
    int top = 0, bottom = 0;
    if (!p.stages) {  // the library pads: only rows inside the image are read
      const std::int64_t begin = std::max<std::int64_t>(0, j.in_begin), end = std::min(d.H, j.in_begin + j.in_rows);
      top = static_cast<int>(begin - j.in_begin), bottom = static_cast<int>(j.in_begin + j.in_rows - end);
      j.in_begin = begin, j.in_rows = end - begin;
      if (out.images > 1) j.in_rows = d.H, bottom = d.pad.bottom;  // rows that no tap reads included
    }
    const auto [at, is_new] = known.try_emplace({out.images, out.rows, top, bottom});
    if (is_new)
      at->second = plan->add(with_fitting_filter(
          *plan, [&](const Desc* format) { return forward_step(d, p, j, top, bottom, format, engine); }));
    j.step = at->second;
    plan->jobs.push_back(j);
  }
  return plan;
}

Step transposed_step(const Conv2dDims& d, const Problem& p, const TransposedPiece& t, const Desc* format,
                     const dnnl::engine& engine) {
  const auto type = type_of(p.in.dtype);
  const Desc dy = activation(t.large.images, t.rows, d.Q(), d.K, type), w = onednn::filter(d, type, format),
             dx = activation(t.large.images, t.large.rows, d.W, d.C, output_type(p));
  // The exact right padding: columns that no tap reads make it negative.
  const std::int64_t right = (d.Q() - 1) * d.stride_w + d.dilation_w * (d.S - 1) + 1 - d.W - d.pad.left;
  const Dims before{t.top, d.pad.left}, after{t.bottom, right};
  const auto direct = dnnl::algorithm::convolution_direct;
  // The library wants the convolution that this is the gradient of.
  const dnnl::convolution_forward::primitive_desc hint(
      {dnnl::prop_kind::forward_training, direct, Desc(dx.dims(), type, Format::nhwc), w, dy, strides(d), dilations(d),
       before, after},
      engine);
  const dnnl::convolution_backward_data::desc desc(direct, dx, w, dy, strides(d), dilations(d), before, after);
  const dnnl::convolution_backward_data::primitive_desc pd(desc, user_scratchpad(), engine, hint);
  return {dnnl::convolution_backward_data(pd),
          pd.diff_dst_desc(),
          pd.weights_desc(),
          pd.diff_src_desc(),
          pd.scratchpad_desc(),
          is_plain_loops(pd.impl_info_str())};
}

std::shared_ptr<Plan> plan_transposed(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, int, int>, std::size_t> known;
  for (const TransposedPiece& t : cut_transposed(d, piece_count(d.flops(), bytes_of(p)))) {
    const auto [at, is_new] = known.try_emplace({t.large.images, t.large.rows, t.rows, t.top, t.bottom});
    if (is_new)
      at->second = plan->add(
          with_fitting_filter(*plan, [&](const Desc* format) { return transposed_step(d, p, t, format, engine); }));
    plan->jobs.push_back({t.large, t.begin, t.rows, at->second});
  }
  return plan;
}

/// The memory one thread works in.
struct Workplace {
  dnnl::stream stream;
  Scratch staged, sums, scratchpad;

  Workplace(const Problem& p, const Plan& plan, const dnnl::engine& engine, Context& ctx)
      : stream(engine),
        staged(ctx.scratch(p.stages ? plan.input_bytes : 1)),
        sums(ctx.scratch(p.writes_through ? 1 : plan.output_bytes)),
        scratchpad(ctx.scratch(plan.scratchpad_bytes + 1)) {}
};

/// The job's input rows: where they stand, or staged.
void* input_of(const Problem& p, const Job& j, const Workplace& at) {
  const Dims4& d = p.in_dims;
  auto* image = p.in.as<char>() + static_cast<std::size_t>(j.out.n * d.H * d.W * d.C) * size_of(p.in.dtype);
  if (!p.stages) return image + static_cast<std::size_t>(j.in_begin * d.W * d.C) * size_of(p.in.dtype);
  const std::size_t image_bytes = static_cast<std::size_t>(d.H * d.W * d.C) * size_of(p.in.dtype);
  const std::size_t band_bytes =
      static_cast<std::size_t>(j.in_rows * (d.W + p.left + p.right) * d.C) * size_of(p.in.dtype);
  for (std::int64_t i = 0; i < j.out.images; i++) {
    const auto at_image = static_cast<std::size_t>(i);
    const BandSource source{
        image + at_image * image_bytes, p.in.dtype, j.out.n + i, d.H, d.W, d.C, p.left, p.right, p.pad_mode};
    stage_band(source, p.prologue, j.in_begin, j.in_rows, at.staged.as<char>() + at_image * band_bytes);
  }
  return at.staged.as<void>();
}

/// Epilogue and statistics of the job's output. moments: [C] per (job, image of the job).
void finish(const Problem& p, const Job& j, const Workplace& at, PartialMoments* moments) {
  const Dims4& d = p.out_dims;
  const std::int64_t offset = (j.out.n * d.H + j.out.begin) * d.W * d.C, pixels = j.out.rows * d.W;
  const Epilogue& e = p.epilogue;
  if (!p.writes_through || e.bias || e.residual || e.act != Map::identity)
    finish_band(e, p.writes_through ? p.out.as<float>() + offset : at.sums.as<float>(), p.out, offset,
                pixels * j.out.images, d.C);
  if (!e.mean) return;
  for (std::int64_t i = 0; i < j.out.images; i++)
    band_moments(p.out, offset + i * pixels * d.C, pixels, d.C, moments + i * d.C);
}

void run_job(const Problem& p, const Plan& plan, const Job& j, const dnnl::memory& filter, Workplace& at,
             PartialMoments* moments) {
  const Step& step = plan.steps[j.step];
  const dnnl::engine engine = filter.get_engine();
  const std::int64_t offset = (j.out.n * p.out_dims.H + j.out.begin) * p.out_dims.W * p.out_dims.C;
  void* output = p.writes_through ? p.out.as<char>() + static_cast<std::size_t>(offset) * size_of(p.out.dtype)
                                  : at.sums.as<char>();
  const bool forward = p.op == Conv2dForward::op;
  step.primitive.execute(
      at.stream, {{forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, dnnl::memory(step.input, engine, input_of(p, j, at))},
                  {DNNL_ARG_WEIGHTS, filter},
                  {forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, dnnl::memory(step.output, engine, output)},
                  {DNNL_ARG_SCRATCHPAD, dnnl::memory(step.scratchpad, engine, at.scratchpad.as<void>())}});
  at.stream.wait();
  finish(p, j, at, moments);
}

/// Merges the jobs' moments in their order.
void store_moments(const Problem& p, const Plan& plan, const std::vector<std::size_t>& starts,
                   const PartialMoments* moments) {
  const std::int64_t C = p.out_dims.C;
  std::vector<PartialMoments> merged(static_cast<std::size_t>(p.out_dims.N * C));
  for (std::size_t k = 0; k < plan.jobs.size(); k++)
    for (std::int64_t i = 0; i < plan.jobs[k].out.images * C; i++)
      merged[static_cast<std::size_t>(plan.jobs[k].out.n * C + i)].merge(
          moments[starts[k] + static_cast<std::size_t>(i)]);
  for (std::size_t i = 0; i < merged.size(); i++) {
    p.epilogue.mean.as<float>()[i] = static_cast<float>(merged[i].mean);
    p.epilogue.var.as<float>()[i] = static_cast<float>(merged[i].variance());
  }
}

/// The filter in each step's layout.
using Filters = std::vector<dnnl::memory>;

void run_jobs(const Problem& p, const Plan& plan, const Filters& filters, Context& ctx) {
  std::vector<std::size_t> starts;  // of each job's moments
  std::size_t moments = 0;
  for (const Job& j : plan.jobs) {
    starts.push_back(moments);
    if (p.epilogue.mean) moments += static_cast<std::size_t>(j.out.images * p.out_dims.C);
  }
  const Scratch partial = ctx.scratch(moments * sizeof(PartialMoments) + 1);
  parallel_for(ctx, static_cast<std::int64_t>(plan.jobs.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const ThreadScope one(1);
    guarded(p.op, [&] {
      Workplace at(p, plan, filters.front().get_engine(), ctx);
      for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); k++)
        run_job(p, plan, plan.jobs[k], filters[plan.jobs[k].step], at, partial.as<PartialMoments>() + starts[k]);
    });
  });
  if (p.epilogue.mean) store_moments(p, plan, starts, partial.as<PartialMoments>());
}

/// The plan from the cache, the filter in its layout, then the jobs.
template <class MakePlan>
void run_planned(const Problem& p, const Conv2dDims& d, Context& ctx, MakePlan&& make_plan) {
  guarded(p.op, [&] {
    const std::string key =
        concat(p.op, d.key(), name_of(p.in.dtype), p.stages ? "staged" : "", p.writes_through ? "" : "sums");
    const dnnl::engine library = engine(ctx);
    const auto plan = ctx.cache().plan<Plan>("onednn", key, [&] { return make_plan(d, p, library); });
    // Layouts repeat from step to step: each is packed once, under the number of the first step that has it.
    std::vector<decltype(packed(ctx, "", key, p.w, Desc{}, Desc{}))> kept;
    Filters filters;
    for (const Step& s : plan->steps) {
      const auto same = [&](const Step& other) { return other.filter == s.filter; };
      const auto first = std::ranges::find_if(plan->steps, same) - plan->steps.begin();
      kept.push_back(
          packed(ctx, "onednn", concat(key, '#', first), p.w, plain_filter(d, type_of(p.w.dtype)), s.filter));
      filters.push_back(kept.back()->memory);
    }
    run_jobs(p, *plan, filters, ctx);
  });
}

}  // namespace

bool conv2d_forward_onednn_supports(const Conv2dForward& a, const DeviceInfo& device) {
  return onednn::supports(a.dtype(), device) && a.w.dtype == a.x.dtype && reads_image_everywhere(a.d) &&
         is_fusible(a.prologue, a.epilogue);
}

void conv2d_forward_onednn(const Conv2dForward& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  const bool stages = a.prologue || (d.pad_mode != PadMode::zero && d.pad != Pad4{});
  const Problem p{Conv2dForward::op,
                  a.x,
                  a.w,
                  a.y,
                  {d.N, d.H, d.W, d.C},
                  {d.N, d.P(), d.Q(), d.K},
                  a.prologue,
                  a.epilogue,
                  stages,
                  can_write_through(a.epilogue, a.dtype()),
                  d.pad.left,
                  d.pad.right,
                  d.pad_mode};
  run_planned(p, d, ctx, plan_forward);
}

bool conv2d_backward_input_onednn_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return onednn::supports(a.dtype(), device) && a.w.dtype == a.dy.dtype && a.d.pad_mode == PadMode::zero &&
         reads_image_everywhere(a.d) && is_fusible(a.prologue, a.epilogue);
}

void conv2d_backward_input_onednn(const Conv2dBackwardInput& a, Context& ctx) {
  const Conv2dDims& d = a.d;
  const Problem p{Conv2dBackwardInput::op,
                  a.dy,
                  a.w,
                  a.dx,
                  {d.N, d.P(), d.Q(), d.K},
                  {d.N, d.H, d.W, d.C},
                  a.prologue,
                  a.epilogue,
                  static_cast<bool>(a.prologue),
                  can_write_through(a.epilogue, a.dtype()),
                  0,
                  0,
                  PadMode::zero};
  run_planned(p, d, ctx, plan_transposed);
}

}  // namespace sumi
