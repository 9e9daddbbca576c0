#include "kernels/conv2d/onednn.h"

#include <algorithm>

#include "kernels/conv2d/band.h"
#include "kernels/conv2d/onednn_plan.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

using namespace onednn;

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

void conv2d_forward_onednn(const Conv2dForward& a, Context& ctx) { run_planned(problem_of(a), a.d, ctx, plan_forward); }

bool conv2d_backward_input_onednn_supports(const Conv2dBackwardInput& a, const DeviceInfo& device) {
  return onednn::supports(a.dtype(), device) && a.w.dtype == a.dy.dtype && a.d.pad_mode == PadMode::zero &&
         reads_image_everywhere(a.d) && is_fusible(a.prologue, a.epilogue);
}

void conv2d_backward_input_onednn(const Conv2dBackwardInput& a, Context& ctx) {
  run_planned(problem_of(a), a.d, ctx, plan_transposed);
}

}  // namespace sumi
