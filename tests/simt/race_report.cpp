#include "tests/simt/race_report.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "bench/operands.h"
#include "kernels/cases.h"
#include "kernels/tables.h"
#include "tests/simt/race_checker.h"
#include "tests/simt/race_meter.h"
#include "tests/simt/race_ptx.h"

namespace simt::race {
namespace {

using namespace sumi;

// What an emulated GPU of a few GFLOP/s does in seconds.
constexpr double kFlops = 2e7, kBytes = 4e6;

/// One line of the table: all instructions of a source line that do the same.
struct Row {
  std::string source, what;
  Traffic t;
  /// In units of 128 bytes: a pass through the banks, or four sectors.
  double cost() const { return static_cast<double>(t.served) * (t.shared ? 1 : 0.25); }
};

double excess(const Traffic& t) { return t.ideal ? static_cast<double>(t.served) / static_cast<double>(t.ideal) : 1; }

/// The instructions of a kernel by source line, dearest first.
std::vector<Row> rows_of(const KernelCounts& k) {
  std::vector<std::uint32_t> places;
  for (const auto& [key, t] : k.traffic) places.push_back(key / 2);
  load_sources(places);
  std::map<std::string, Row> rows;
  for (const auto& [key, t] : k.traffic) {
    const std::string what = concat(t.shared ? "shared " : "global ", t.what, ' ', t.width, " B");
    const std::string source = source_of(key / 2);
    Row& r = rows.try_emplace(source + what, Row{source, what, {.shared = t.shared}}).first->second;
    r.t.requests += t.requests;
    r.t.served += t.served;
    r.t.ideal += t.ideal;
    r.t.bytes += t.bytes;
  }
  std::vector<Row> sorted;
  for (auto& [name, r] : rows) sorted.push_back(std::move(r));
  std::ranges::sort(sorted, std::ranges::greater(), &Row::cost);
  return sorted;
}

void print_kernel(const std::string& name, const KernelCounts& k) {
  std::printf("  %s\n    %llu launches, %llu blocks of %u threads, %zu bytes of shared memory\n", name.c_str(),
              static_cast<unsigned long long>(k.launches), static_cast<unsigned long long>(k.blocks), k.threads,
              k.shared_bytes);
  double bytes[2] = {};
  const std::vector<Row> rows = rows_of(k);
  for (const Row& r : rows) bytes[r.t.shared] += static_cast<double>(r.t.bytes);
  std::map<std::string, std::uint64_t> events;
  for (const auto& [key, e] : k.events) events[e.what] += e.count;
  std::printf("    %.3f MB global, %.3f MB shared", bytes[0] * 1e-6, bytes[1] * 1e-6);
  for (const auto& [what, count] : events)
    std::printf(", %llu %s", static_cast<unsigned long long>(what == "synchronisation" ? count / 32 : count),
                what == "synchronisation" ? "barriers and waits of a warp" : what.c_str());
  std::printf("\n    %9s %9s %9s %9s %6s  %-18s %s\n", "requests", "KB", "served", "ideal", "ratio", "", "line");
  for (const Row& r : rows)
    std::printf("    %9llu %9.1f %9llu %9llu %6.2f%s %-18s %s\n", static_cast<unsigned long long>(r.t.requests),
                static_cast<double>(r.t.bytes) * 1e-3, static_cast<unsigned long long>(r.t.served),
                static_cast<unsigned long long>(r.t.ideal), excess(r.t), excess(r.t) > 1.5 ? " !" : "  ",
                r.what.c_str(), r.source.c_str());
}

/// "64 fma, 16 shared", most first.
std::string text_of(const Instructions& mix) {
  std::vector<std::pair<int, std::string>> sorted;
  for (const auto& [kind, count] : mix) sorted.emplace_back(-count, kind);
  std::ranges::sort(sorted);
  std::string text;
  for (const auto& [count, kind] : sorted) text += concat(text.empty() ? "" : ", ", -count, ' ', kind);
  return text;
}

int total_of(const Instructions& mix) {
  int total = 0;
  for (const auto& [kind, count] : mix) total += count;
  return total;
}

/// What nvcc made of the kernel, in the source whose lines ran; templates of a header are the same in each.
const KernelPtx* ptx_of(const Ptx& ptx, const std::string& name, const KernelCounts& k) {
  const auto found = ptx.find(name);
  if (found == ptx.end()) return nullptr;
  const std::vector<Row> rows = rows_of(k);
  const auto ran = std::ranges::find_if(found->second, [&](const auto& source) {
    return std::ranges::any_of(rows, [&](const Row& r) { return r.source.find(source.first) != std::string::npos; });
  });
  return &(ran == found->second.end() ? found->second.begin() : ran)->second;
}

/// The whole kernel, then its longest lines.
void print_instructions(const KernelPtx& kernel) {
  constexpr std::size_t kLines = 12;
  Instructions all;
  std::vector<std::pair<int, std::string>> lines;
  for (const auto& [line, mix] : kernel) {
    for (const auto& [kind, count] : mix) all[kind] += count;
    lines.emplace_back(-total_of(mix), line);
  }
  std::ranges::sort(lines);
  std::printf("    instructions: %s\n", text_of(all).c_str());
  for (std::size_t i = 0; i < std::min(lines.size(), kLines); i++)
    std::printf("    %9d  %-46s %s\n", -lines[i].first, text_of(kernel.at(lines[i].second)).c_str(),
                lines[i].second.c_str());
}

template <class Args>
void report_case(const Variant<Args>& row, const Case<Args>& c, DType t, const Ptx& ptx) {
  Meter meter;
  Context ctx(ContextOptions{.device = DeviceKind::cuda, .threads = 1, .forced_rows = "none:none"});
  bench::Filled<Args> filled(c, t, ctx);
  device::synchronize(ctx.stream());
  observer() = &meter;
  row.run(filled.args(), ctx);
  device::synchronize(ctx.stream());
  observer() = nullptr;
  const Args& a = filled.args();
  std::printf("%s\n  of the case: %.3f MFLOP, %.3f MB at least, %.1f FLOP a byte\n",
              concat(Args::op, '/', row.name, ' ', a.key(), ' ', name_of(t)).c_str(), a.flops() * 1e-6,
              a.bytes() * 1e-6, a.flops() / a.bytes());
  for (const auto& [name, k] : meter.kernels()) {
    print_kernel(name, k);
    if (const KernelPtx* found = ptx_of(ptx, name, k)) print_instructions(*found);
  }
  std::printf("\n");
}

/// The largest affordable case of the row that the filter takes.
template <class Args>
void report_row(const Variant<Args>& row, DType t, const std::string& filter, const Ptx& ptx) {
  std::vector<Case<Args>> cases = Cases<Args>::awkward();
  std::ranges::copy(Cases<Args>::realistic(), std::back_inserter(cases));
  const Case<Args>* best = nullptr;
  for (const Case<Args>& c : cases) {
    const std::string name = concat(Args::op, '/', row.name, ' ', c.args.key(), ' ', name_of(t));
    Context ctx(ContextOptions{.device = DeviceKind::cuda, .threads = 1, .forced_rows = "none:none"});
    if (name.find(filter) == std::string::npos || c.args.flops() > kFlops || c.args.bytes() > kBytes) continue;
    if (best && best->args.bytes() + best->args.flops() >= c.args.bytes() + c.args.flops()) continue;
    const bench::Filled<Args> filled(c, t, ctx);
    device::synchronize(ctx.stream());
    if (can_run(row, filled.args(), ctx.device())) best = &c;
  }
  if (best) report_case(row, *best, t, ptx);
}

}  // namespace

void print_report(const std::string& filter) {
  const Ptx ptx = read_ptx();
  std::printf(
      "Requests: executions by a warp. Served and ideal: passes through the banks of shared memory, 32-byte sectors "
      "of\n"
      "global memory. Lines with ! take more than 1.5 times the ideal. Instructions: in the PTX of a kernel and of "
      "its\n"
      "longest lines, loops and unrolled copies as written there%s.\n\n",
      ptx.empty() ? "; none here: built without nvcc" : "");
  for_each_op([&]<class A>(std::type_identity<A>) {
    for (const Variant<A>& row : A::table())
      for (const DType t : {DType::f32, row.dtypes.has(DType::bf16) ? DType::bf16 : DType::f16})
        if (row.device == DeviceKind::cuda && row.dtypes.has(t)) report_row(row, t, filter, ptx);
  });
}

}  // namespace simt::race
