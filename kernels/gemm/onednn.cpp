#include "kernels/gemm/onednn.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "kernels/core/floats.h"
#include "kernels/core/onednn.h"
#include "kernels/core/parallel.h"

namespace sumi {
namespace {

using namespace onednn;
using Desc = dnnl::memory::desc;

struct Range {
  std::int64_t begin = 0, count = 0;
};

/// One part of the product: some batches, rows, columns, and terms of the sum.
struct Job {
  Range batch, m, n, k;
  std::size_t step = 0;
};

struct Step {
  dnnl::primitive primitive;
  Desc a, b, y, scratchpad;
};

struct Plan {
  std::vector<Job> jobs;
  std::vector<Step> steps;
  std::size_t scratchpad_bytes = 0;
  std::int64_t terms = 1;  // parts along K; more than one are summed in order
};

/// Strides of the operands in elements, (batch, row, column) as the product sees them.
struct Strides {
  dnnl::memory::dims a, b, y;
};

Strides strides_of(const Gemm& g) {
  const std::int64_t a = g.shared_a ? 0 : g.M * g.K, b = g.shared_b ? 0 : g.K * g.N;
  return {g.transpose_a ? dnnl::memory::dims{a, 1, g.M} : dnnl::memory::dims{a, g.K, 1},
          g.transpose_b ? dnnl::memory::dims{b, 1, g.K} : dnnl::memory::dims{b, g.N, 1},
          {g.M * g.N, g.N, 1}};
}

/// Sums leave the library in f32 when there is still something to do to them.
bool sums_stay_f32(const Gemm& g, std::int64_t terms) {
  return terms > 1 || (g.y.dtype != DType::f32 && (g.alpha != 1 || g.bias));
}

std::vector<Range> split(std::int64_t n, std::int64_t parts) {
  std::vector<Range> ranges;
  for (std::int64_t i = 0; i < parts; i++) ranges.push_back({n * i / parts, n * (i + 1) / parts - n * i / parts});
  return ranges;
}

Desc matrix(std::int64_t batch, std::int64_t rows, std::int64_t columns, dnnl::memory::dims strides,
            dnnl::memory::data_type t) {
  if (batch == 1) return {{rows, columns}, t, dnnl::memory::dims(strides.begin() + 1, strides.end())};
  const bool shared = strides[0] == 0;
  if (shared) strides[0] = std::max(rows * strides[1], columns * strides[2]);
  return {{shared ? 1 : batch, rows, columns}, t, strides};
}

Step make_step(const Gemm& g, const Job& j, const Strides& s, std::int64_t terms, const dnnl::engine& engine) {
  const auto t = type_of(g.dtype()), out = sums_stay_f32(g, terms) ? dnnl::memory::data_type::f32 : type_of(g.y.dtype);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::desc desc(matrix(j.batch.count, j.m.count, j.k.count, s.a, t),
                                matrix(j.batch.count, j.k.count, j.n.count, s.b, t),
                                matrix(j.batch.count, j.m.count, j.n.count, s.y, out));
  const dnnl::matmul::primitive_desc pd(desc, attr, engine);
  return {dnnl::matmul(pd), pd.src_desc(), pd.weights_desc(), pd.dst_desc(), pd.scratchpad_desc()};
}

/// Parts of 8 MFLOP or 512 KB at least, cut along the batch first, then rows, columns, and last the sum.
std::shared_ptr<Plan> make_plan(const Gemm& g, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  std::int64_t left =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(std::max(g.flops() / 8e6, g.bytes() / 512e3)), 1, 64);
  const auto take = [&left](std::int64_t most) {
    const std::int64_t parts = std::clamp<std::int64_t>(most, 1, left);
    left = (left + parts - 1) / parts;
    return parts;
  };
  const auto batches = split(g.batch, take(g.batch)), ms = split(g.M, take(std::min<std::int64_t>(16, g.M / 32))),
             ns = split(g.N, take(std::min<std::int64_t>(16, g.N / 128))),
             ks = split(g.K, take(std::min<std::int64_t>(16, g.K / 1024)));
  plan->terms = static_cast<std::int64_t>(ks.size());
  const Strides strides = strides_of(g);
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>, std::size_t> known;
  for (const Range& k : ks)
    for (const Range& batch : batches)
      for (const Range& m : ms)
        for (const Range& n : ns) {
          Job j{batch, m, n, k};
          const auto [at, is_new] = known.try_emplace({batch.count, m.count, n.count, k.count}, plan->steps.size());
          if (is_new) {
            plan->steps.push_back(make_step(g, j, strides, plan->terms, engine));
            plan->scratchpad_bytes = std::max(plan->scratchpad_bytes, plan->steps.back().scratchpad.get_size());
          }
          j.step = at->second;
          plan->jobs.push_back(j);
        }
  return plan;
}

void* at(const TensorRef& t, const dnnl::memory::dims& strides, std::int64_t batch, std::int64_t row,
         std::int64_t column) {
  return t.as<char>() +
         static_cast<std::size_t>(batch * strides[0] + row * strides[1] + column * strides[2]) * size_of(t.dtype);
}

/// The products of all jobs; `sums` [terms, batch, M, N] receives them where they stay f32.
void run_jobs(const Gemm& g, const Plan& plan, float* sums, const dnnl::engine& e, Context& ctx) {
  const Strides s = strides_of(g);
  const std::int64_t count = g.batch * g.M * g.N;
  parallel_for(ctx, static_cast<std::int64_t>(plan.jobs.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const ThreadScope one(1);
    guarded(g.op, [&] {
      const Scratch scratchpad = ctx.scratch(plan.scratchpad_bytes + 1);
      dnnl::stream stream(e);
      const std::int64_t per_term = static_cast<std::int64_t>(plan.jobs.size()) / plan.terms;
      for (std::int64_t i = begin; i < end; i++) {
        const Job& j = plan.jobs[static_cast<std::size_t>(i)];
        const Step& step = plan.steps[j.step];
        const TensorRef y = sums ? TensorRef{sums + i / per_term * count} : g.y;
        step.primitive.execute(
            stream, {{DNNL_ARG_SRC, dnnl::memory(step.a, e, at(g.a, s.a, j.batch.begin, j.m.begin, j.k.begin))},
                     {DNNL_ARG_WEIGHTS, dnnl::memory(step.b, e, at(g.b, s.b, j.batch.begin, j.k.begin, j.n.begin))},
                     {DNNL_ARG_DST, dnnl::memory(step.y, e, at(y, s.y, j.batch.begin, j.m.begin, j.n.begin))},
                     {DNNL_ARG_SCRATCHPAD, dnnl::memory(step.scratchpad, e, scratchpad.as<void>())}});
        stream.wait();
      }
    });
  });
}

/// y = alpha * (sum of the terms, in order) + bias.
void finish(const Gemm& g, const Plan& plan, float* sums, Context& ctx) {
  const std::int64_t count = g.batch * g.M * g.N;
  parallel_for(ctx, g.batch * g.M, 16, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t offset = begin * g.N, n = (end - begin) * g.N;
    float* sum = sums + offset;
    for (std::int64_t k = 1; k < plan.terms; k++) add_floats(sums + k * count + offset, n, sum);
    store_affine(sum, static_cast<float>(g.alpha), g.bias, end - begin, g.N, g.y, offset);
  });
}

}  // namespace

bool gemm_onednn_supports(const Gemm& a, const DeviceInfo& device) {
  // The library has no batch of one matrix by itself.
  return onednn::supports(a.dtype(), device) && a.b.dtype == a.dtype() && a.y.dtype == a.dtype() && a.K > 0 &&
         !(a.batch > 1 && a.shared_a && a.shared_b);
}

void gemm_onednn(const Gemm& g, Context& ctx) {
  guarded(g.op, [&] {
    const dnnl::engine e = engine(ctx);
    const bool affine = g.alpha != 1 || g.bias;
    const auto plan = ctx.cache().plan<Plan>(
        "onednn", concat(g.op, g.key(), name_of(g.dtype()), affine ? "affine" : ""), [&] { return make_plan(g, e); });
    const bool apart = sums_stay_f32(g, plan->terms);
    const auto count = static_cast<std::size_t>(plan->terms * g.batch * g.M * g.N);
    const Scratch sums = ctx.scratch(apart ? count * sizeof(float) : 1);
    run_jobs(g, *plan, apart ? sums.as<float>() : nullptr, e, ctx);
    if (apart || affine) finish(g, *plan, apart ? sums.as<float>() : g.y.as<float>(), ctx);
  });
}

}  // namespace sumi
