// Times every row of every table on its realistic cases: sumi_bench_kernels --benchmark_filter=conv2d_forward/.*f32
// --threads=2, or --device=cuda. Each row's result is first compared with the next row's; the roofline is measured at
// the start.
#include <benchmark/benchmark.h>

#include <map>
#include <memory>

#include "bench/operands.h"
#include "kernels/binary/cases.h"
#include "kernels/cast/cases.h"
#include "kernels/conv2d/cases.h"
#include "kernels/core/clock.h"
#include "kernels/device/roofline.h"
#include "kernels/gemm/cases.h"
#include "kernels/loss/cases.h"
#include "kernels/map/cases.h"
#include "kernels/norm/cases.h"
#include "kernels/optimizer/cases.h"
#include "kernels/pad/cases.h"
#include "kernels/pool/cases.h"
#include "kernels/random/cases.h"
#include "kernels/reduce/cases.h"
#include "kernels/resample/cases.h"
#include "kernels/softmax/cases.h"
#include "kernels/tables.h"
#include "kernels/transpose/cases.h"

namespace sumi::bench {
namespace {

/// What all benchmarks share.
struct Machine {
  Machine(DeviceKind device, int threads)
      : ctx(ContextOptions{.device = device, .threads = threads, .forced_rows = "none:none"}) {}
  bool on_gpu() const { return ctx.device().kind == DeviceKind::cuda; }
  /// A GPU's depends on the dtype: tensor cores.
  const Roofline& roofline(DType t) {
    const auto known = rooflines.find(t);
    if (known != rooflines.end()) return known->second;
    return rooflines.emplace(t, measure_roofline(ctx, t)).first->second;
  }
  Context ctx;
  std::map<DType, Roofline> rooflines;
};

constexpr DType kDtypes[] = {DType::f32, DType::bf16, DType::f16};

/// The reference rows are loops in double: past this they only cost time.
constexpr double kReferenceFlops = 2e8;

/// Another row for the same case: any fast one, else the reference where it is affordable.
template <class Args>
const Variant<Args>* other_row(const Variant<Args>& row, const Args& a, const DeviceInfo& device) {
  for (const Variant<Args>& v : Args::table()) {
    const bool reference = &v == &Args::table().back();
    if (&v != &row && can_run(v, a, device) && (!reference || a.flops() < kReferenceFlops)) return &v;
  }
  return nullptr;
}

/// The difference that rounding may make, relative to the root mean square of the result.
double tolerance(DType t, const Traits& row) {
  return (t == DType::bf16 ? 0.1 : row.tf32 ? 1e-2 : 2e-4) * row.error_factor;
}

template <class Args>
bool agrees(const Variant<Args>& row, const Case<Args>& c, DType dtype, Context& ctx) {
  if (row.dtypes.bits == 0 || !row.traits.deterministic) return true;
  Filled<Args> got(c, dtype, ctx), want(c, dtype, ctx);
  const Variant<Args>* other = other_row(row, got.args(), ctx.device());
  if (!other) return true;
  row.run(got.args(), ctx);
  other->run(want.args(), ctx);
  return difference(got, want) < std::max(tolerance(dtype, row.traits), tolerance(dtype, other->traits));
}

/// Sets of operands that together exceed a GPU's cache twice, so that no run finds its operands there.
template <class Args>
std::vector<std::unique_ptr<Filled<Args>>> operand_sets(const Case<Args>& c, DType dtype, Machine& machine) {
  constexpr double kTwiceTheCache = 128e6;
  std::vector<std::unique_ptr<Filled<Args>>> sets;
  do sets.push_back(std::make_unique<Filled<Args>>(c, dtype, machine.ctx));
  while (machine.on_gpu() && sets.size() < 16 &&
         static_cast<double>(sets.size()) * sets[0]->args().bytes() < kTwiceTheCache);
  return sets;
}

/// Seconds of one run; on a GPU the mean of as many as take 2 ms, since one launch is shorter than a look at the clock.
template <class Args>
double seconds_of_run(const Variant<Args>& row, const std::vector<std::unique_ptr<Filled<Args>>>& sets,
                      Machine& machine, int runs) {
  const auto all = [&] {
    for (int i = 0; i < runs; i++) row.run(sets[static_cast<std::size_t>(i) % sets.size()]->args(), machine.ctx);
  };
  return seconds_of(machine.ctx, all) / runs;
}

template <class Args>
void time_row(benchmark::State& state, Machine& machine, const Variant<Args>& row, const Case<Args>& c, DType dtype) {
  Context& ctx = machine.ctx;
  if (!agrees(row, c, dtype, ctx)) return state.SkipWithError("differs from the other rows");
  const auto sets = operand_sets(c, dtype, machine);
  const Args& a = sets[0]->args();
  seconds_of_run(row, sets, machine, static_cast<int>(sets.size()));  // packs weights, plans
  const double once = machine.on_gpu() ? seconds_of_run(row, sets, machine, 3) : 1;
  const int runs = std::clamp(static_cast<int>(2e-3 / once), 1, 1000);
  double best = 0;
  for (auto _ : state) {
    const double t = seconds_of_run(row, sets, machine, runs);
    state.SetIterationTime(t);
    best = best == 0 ? t : std::min(best, t);
  }
  if (best == 0) return;
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOP/s"] = a.flops() / best * 1e-9;
  state.counters["GB/s"] = a.bytes() / best * 1e-9;
  state.counters["roof%"] = 100 * machine.roofline(dtype).seconds(a.flops(), a.bytes()) / best;
}

template <class Args>
void register_row(Machine& machine, const Variant<Args>& row, const Case<Args>& c, DType dtype) {
  Args probe = c.args;
  for (const Operand& o : probe.operands()) {
    bool absent = false;
    for (const auto name : c.without) absent |= o.optional && name == o.name;
    if (o.ref->dtype == DType::f32 && !o.param) o.ref->dtype = dtype;
    o.ref->data = absent ? nullptr : &machine;  // present; never read
  }
  const bool reference = &row == &Args::table().back();
  if (!can_run(row, probe, machine.ctx.device()) || (reference && probe.flops() > kReferenceFlops)) return;
  const std::string name = concat(Args::op, '/', row.name, '/', name_of(dtype), '/', probe.key());
  benchmark::RegisterBenchmark(
      name.c_str(), [&machine, &row, c, dtype](benchmark::State& state) { time_row(state, machine, row, c, dtype); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

void register_all(Machine& machine) {
  for_each_op([&]<class Args>(std::type_identity<Args>) {
    for (const Variant<Args>& row : Args::table())
      for (const DType dtype : kDtypes) {
        if (row.device != machine.ctx.device().kind || !row.dtypes.has(dtype)) continue;
        if (dtype == DType::f16 && !machine.on_gpu()) continue;  // on a CPU f16 is storage only
        for (const Case<Args>& c : Cases<Args>::realistic()) register_row(machine, row, c, dtype);
      }
  });
}

}  // namespace
}  // namespace sumi::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  int threads = 0;  // all cores
  auto device = sumi::DeviceKind::cpu;
  for (; argc > 1; argc--) {
    const std::string_view last = argv[argc - 1];
    if (last.starts_with("--threads="))
      threads = std::atoi(last.data() + 10);
    else if (last == "--device=cuda")
      device = sumi::DeviceKind::cuda;
    else
      break;
  }
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  sumi::bench::Machine machine(device, threads);
  sumi::bench::register_all(machine);
  benchmark::AddCustomContext("device", machine.ctx.device().name);
  benchmark::AddCustomContext("threads", std::to_string(machine.ctx.threads()));
  const sumi::Roofline& roof = machine.roofline(sumi::DType::f32);
  benchmark::AddCustomContext("peak_gflops", std::to_string(roof.gflops));
  benchmark::AddCustomContext("copy_gbytes_per_s", std::to_string(roof.gbytes_per_s));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
