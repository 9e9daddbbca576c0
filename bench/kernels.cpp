// Times every row of every table on its realistic cases: sumi_bench_kernels --benchmark_filter=conv2d_forward/.*f32
// Each row's result is first compared with another row's; rooflines are measured at the start.
//   --threads=2           of a CPU; all cores otherwise
//   --device=cuda         the GPU's rows
//   --cases=awkward       the tests' small shapes instead
//   --steps               a ladder's first steps (naive, tiled) on large cases too
//   --op=gemm             of this op alone
//   --ops                 only print the ops' names
//   --roofs               only measure the rooflines and print them, as --roofs=LIST takes them
//   --roof-side=8192      of the product that measures a GPU's
#include <benchmark/benchmark.h>

#include <functional>
#include <iostream>
#include <memory>
#include <optional>

#include "bench/operands.h"
#include "bench/roofs.h"
#include "kernels/cases.h"
#include "kernels/core/capture.h"
#include "kernels/core/clock.h"
#include "kernels/tables.h"

namespace sumi::bench {
namespace {

struct Options {
  DeviceKind device = DeviceKind::cpu;
  int threads = 0;  // all cores
  bool awkward = false, steps = false, only_roofs = false, only_ops = false;
  std::string op, roofs;  // empty: all; measured
  std::int64_t roof_side = 8192;
  ContextOptions context() const { return {.device = device, .threads = threads, .forced_rows = "none:none"}; }
};

/// What all benchmarks share.
struct Machine {
  explicit Machine(const Options& o)
      : options(o),
        roofs(o.roofs.empty() ? measure_roofs(o.context(), o.roof_side) : parse_roofs(o.roofs)),
        ctx(o.context()) {}
  bool on_gpu() const { return options.device == DeviceKind::cuda; }
  Options options;
  Roofs roofs;
  Context ctx;
  int failures = 0;
};

constexpr DType kDtypes[] = {DType::f32, DType::bf16, DType::f16};

/// The reference rows are loops in double: past this they only cost time.
constexpr double kReferenceFlops = 2e8;

/// Another row for the same case: any fast one that rounds no further, else the reference where it is affordable.
template <class Args>
const Variant<Args>* other_row(const Variant<Args>& row, const Args& a, const DeviceInfo& device) {
  for (const Variant<Args>& v : Args::table()) {
    const bool affordable = &v != &Args::table().back() || a.flops() < kReferenceFlops;
    if (&v != &row && !v.traits.tf32 && affordable && can_run(v, a, device)) return &v;
  }
  return nullptr;
}

/// The difference that rounding may make, relative to the root mean square of the result: in 16 bits about three units
/// in the last place of its largest values, once more for each time that terms are rounded on their way.
double tolerance(DType t, const Traits& row) {
  const double rounding = t == DType::bf16 ? 0.1 : t == DType::f16 ? 0.1 / 8 : row.tf32 ? 1e-2 : 2e-4;
  return rounding * row.error_factor * (1 + row.term_roundings);
}

/// Throws Error when the row's result is not another row's.
template <class Args>
void check_agreement(const Variant<Args>& row, Filled<Args>& set, DType dtype, Context& ctx) {
  const Variant<Args>* other = other_row(row, set.args(), ctx.device());
  if (row.dtypes.bits == 0 || !row.traits.deterministic || !other) return;
  row.run(set.args(), ctx);
  std::vector<Bytes> got = set.results();
  set.fill();
  other->run(set.args(), ctx);
  std::vector<Bytes> want = set.results();
  const double apart = difference(set.operands(), got, want);
  const double allowed = std::max(tolerance(dtype, row.traits), tolerance(dtype, other->traits));
  check(apart <= allowed, "differs from row ", other->name, " by ", apart, " of its root mean square, ", allowed,
        " allowed");
}

template <class Args>
using Sets = std::vector<std::unique_ptr<Filled<Args>>>;

/// Sets of operands that together exceed a GPU's cache twice, so that no run finds its operands there.
template <class Args>
Sets<Args> operand_sets(const Case<Args>& c, DType dtype, Machine& machine) {
  constexpr double kTwiceTheCache = 128e6;
  Sets<Args> sets;
  do sets.push_back(std::make_unique<Filled<Args>>(c, dtype, machine.ctx));
  while (machine.on_gpu() && !machine.options.awkward && sets.size() < 16 &&
         static_cast<double>(sets.size()) * sets[0]->args().bytes() < kTwiceTheCache);
  return sets;
}

/// So many runs of a row, set after set. On a GPU they are captured: the host would need longer for the launches of a
/// small case than the GPU for its work.
template <class Args>
class Runs {
 public:
  Runs(const Variant<Args>& row, const Sets<Args>& sets, Context& ctx, int count)
      : ctx_(ctx), count_(count), all_([&row, &sets, &ctx, count] {
          for (int i = 0; i < count; i++) row.run(sets[static_cast<std::size_t>(i) % sets.size()]->args(), ctx);
        }) {
    if (ctx.device().kind == DeviceKind::cpu) return;
    const Rehearsal known = Capture::rehearse(ctx, all_);
    try {
      captured_.emplace(ctx, known, all_);
    } catch (const OpError&) {  // a library that copies or allocates by itself
    }
  }
  /// Of one run.
  double seconds() {
    const double all = seconds_of(ctx_, [&] { captured_ ? captured_->launch() : all_(); });
    return all / count_;
  }

 private:
  Context& ctx_;
  int count_;
  std::function<void()> all_;
  std::optional<Capture> captured_;
};

/// As many as take 2 ms on a GPU, where one is shorter than a look at the clock.
template <class Args>
int runs_of_2_ms(const Variant<Args>& row, const Sets<Args>& sets, Context& ctx) {
  Runs<Args> few(row, sets, ctx, 3);
  few.seconds();
  return std::clamp(static_cast<int>(2e-3 / few.seconds()), 1, 256);
}

template <class Args>
void time_row(benchmark::State& state, Machine& machine, const Variant<Args>& row, const Case<Args>& c, DType dtype,
              bool& checked) {
  Context& ctx = machine.ctx;
  const Sets<Args> sets = operand_sets(c, dtype, machine);
  if (!checked) check_agreement(row, *sets[0], dtype, ctx);
  checked = true;
  const Args& a = sets[0]->args();
  for (const auto& set : sets) row.run(set->args(), ctx);  // packs weights, plans
  Runs<Args> runs(row, sets, ctx, machine.on_gpu() ? runs_of_2_ms(row, sets, ctx) : 1);
  double best = 0;
  for (auto _ : state) {
    const double t = runs.seconds();
    state.SetIterationTime(t);
    best = best == 0 ? t : std::min(best, t);
  }
  if (best == 0) return;
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOP/s"] = a.flops() / best * 1e-9;
  state.counters["GB/s"] = a.bytes() / best * 1e-9;
  const Roofline roof = machine.roofs.of(dtype, row.traits.tf32);
  state.counters["roof%"] = 100 * roof.seconds(a.flops(), a.bytes()) / best;
}

/// A ladder's first steps are there to be read: past this they only cost time, where another row can run.
constexpr double kStepFlops = 2e9;
bool is_step(std::string_view row) { return row == "naive" || row == "tiled"; }

template <class Args>
bool worth_timing(const Variant<Args>& row, const Args& a, const Machine& machine) {
  if (&row == &Args::table().back()) return a.flops() <= kReferenceFlops;
  if (machine.options.steps || !is_step(row.name) || a.flops() <= kStepFlops) return true;
  return std::ranges::none_of(
      Args::table(), [&](const Variant<Args>& v) { return !is_step(v.name) && can_run(v, a, machine.ctx.device()); });
}

template <class Args>
void register_row(Machine& machine, const Variant<Args>& row, const Case<Args>& c, DType dtype) {
  Args probe = c.args;
  for (const Operand& o : probe.operands()) {
    if (o.ref->dtype == DType::f32 && !o.param) o.ref->dtype = dtype;
    o.ref->data = c.leaves_out(o) ? nullptr : reinterpret_cast<void*>(std::uintptr_t{4096});  // aligned; never read
  }
  if (!can_run(row, probe, machine.ctx.device()) || !worth_timing(row, probe, machine)) return;
  const std::string name = concat(Args::op, '/', row.name, '/', name_of(dtype), '/', probe.key());
  const auto body = [&machine, &row, c, dtype, checked = false](benchmark::State& state) mutable {
    try {
      time_row(state, machine, row, c, dtype, checked);
    } catch (const Error& e) {
      machine.failures++;
      state.SkipWithError(e.what());
    }
  };
  auto* added = benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Unit(benchmark::kMicrosecond);
  if (machine.on_gpu()) added->Iterations(5);
}

void register_all(Machine& machine) {
  for_each_op([&]<class Args>(std::type_identity<Args>) {
    if (!machine.options.op.empty() && machine.options.op != Args::op) return;
    const auto cases = machine.options.awkward ? Cases<Args>::awkward() : Cases<Args>::realistic();
    for (const Variant<Args>& row : Args::table())
      for (const DType dtype : kDtypes) {
        if (row.device != machine.options.device || !row.dtypes.has(dtype)) continue;
        if (dtype == DType::f16 && !machine.on_gpu()) continue;  // on a CPU f16 is storage only
        for (const Case<Args>& c : cases) register_row(machine, row, c, dtype);
      }
  });
}

/// Takes this program's own options out of the list; what is left is Google Benchmark's.
Options parse(int& argc, char** argv) {
  Options o;
  const auto take = [&](std::string_view option) {
    const auto after = [&](std::string_view name) { return std::string(option.substr(name.size())); };
    if (option.starts_with("--threads="))
      o.threads = std::atoi(after("--threads=").c_str());
    else if (option == "--device=cuda")
      o.device = DeviceKind::cuda;
    else if (option == "--cases=awkward")
      o.awkward = true;
    else if (option == "--steps")
      o.steps = true;
    else if (option.starts_with("--op="))
      o.op = after("--op=");
    else if (option == "--ops")
      o.only_ops = true;
    else if (option == "--roofs")
      o.only_roofs = true;
    else if (option.starts_with("--roofs="))
      o.roofs = after("--roofs=");
    else if (option.starts_with("--roof-side="))
      o.roof_side = std::atoll(after("--roof-side=").c_str());
    else
      return false;
    return true;
  };
  argc = static_cast<int>(std::remove_if(argv + 1, argv + argc, take) - argv);
  return o;
}

int run(const Options& o) {
  if (o.only_ops) {
    for_each_op([]<class Args>(std::type_identity<Args>) { std::cout << Args::op << '\n'; });
    return 0;
  }
  Machine machine(o);
  if (o.only_roofs) {
    std::cout << machine.roofs.text() << '\n';
    return 0;
  }
  register_all(machine);
  benchmark::AddCustomContext("device", machine.ctx.device().name);
  benchmark::AddCustomContext("threads", std::to_string(machine.ctx.threads()));
  benchmark::AddCustomContext("roofs", machine.roofs.text());
  const std::size_t matching = benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  check(matching > 0, "no benchmark matches");
  check(machine.failures == 0, machine.failures, " rows failed: see above");
  return 0;
}

}  // namespace
}  // namespace sumi::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const sumi::bench::Options options = sumi::bench::parse(argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  try {
    return sumi::bench::run(options);
  } catch (const sumi::Error& e) {
    std::cerr << "sumi_bench_kernels: " << e.what() << '\n';
    return 1;
  }
}
