#include "apps/device.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/suggest.h"
#include "apps/usage.h"
#include "kernels/device/runtime.h"
#include "kernels/tables.h"

namespace sumi {
namespace {

/// A row that does not exist would otherwise be noticed only when its op runs, or never.
void check_forced_rows(const Context& ctx) {
  std::vector<std::string> ops;
  for_each_op([&]<class Args>(std::type_identity<Args>) { ops.emplace_back(Args::op); });
  for (const auto& forced : ctx.forced_rows()) {
    const auto &op = forced.first, &row = forced.second;
    check(std::ranges::find(ops, op) != ops.end(), "SUMI_KERNEL: there is no op '", op, "'", did_you_mean(op, ops),
          "\n      'sumi info' lists the ops and their rows");
    for_each_op([&]<class Args>(std::type_identity<Args>) {
      if (Args::op != op) return;
      std::vector<std::string> rows;
      for (const auto& v : Args::table()) rows.emplace_back(v.name);
      std::string list;
      for (const auto& r : rows) list += (list.empty() ? "" : ", ") + r;
      check(std::ranges::find(rows, row) != rows.end(), "SUMI_KERNEL: ", op, " has no row '", row, "'; it has ", list);
    });
  }
}

/// A build that has none is asked for no GPU.
bool has_gpu_rows() {
  return std::ranges::any_of(MapForward::table(), [](const auto& row) { return row.device == DeviceKind::cuda; });
}

void say_that_the_cpu_is_used(std::string_view why) { std::cerr << "sumi: " << why << "; using the CPU\n"; }

/// On a GPU that nobody insisted on, the CPU instead where it cannot be used after all (another process has it).
ContextPtr context_on(DeviceKind kind, const DeviceOptions& o, bool tf32) {
  ContextOptions c{
      .device = kind, .threads = o.threads, .autotune = o.autotune, .deterministic = !o.any_order, .tf32 = tf32};
  try {
    return std::make_shared<Context>(c);
  } catch (const Error& e) {
    if (kind == DeviceKind::cpu || o.device != "auto" || tf32) throw;
    say_that_the_cpu_is_used(e.what());
    c.device = DeviceKind::cpu;
    return std::make_shared<Context>(c);
  }
}

}  // namespace

void add_device_options(CLI::App& command, DeviceOptions& o) {
  command.add_option("--device", o.device, "cpu, cuda or auto")
      ->check(CLI::IsMember({"cpu", "cuda", "auto"}))
      ->capture_default_str();
  command.add_option("--threads", o.threads, "threads to use; 0: all cores")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_flag("--autotune", o.autotune, "time the kernels that can do each step and remember the fastest");
  command.add_flag("--any-order", o.any_order,
                   "allow kernels whose sums have no fixed order: results vary in last bits");
}

void add_precision_option(CLI::App& command, std::string& precision, Precisions which) {
  const bool infers = which == Precisions::of_inference;
  std::vector<std::string> known{"f32", "tf32", "bf16"};
  if (infers) known.emplace_back("f16");
  command
      .add_option("--precision", precision,
                  concat("f32, bf16, ", infers ? "on a GPU f16, " : "",
                         "or tf32: f32 that a GPU rounds to 11 bits to multiply"))
      ->check(CLI::IsMember(known))
      ->capture_default_str();
}

DType parse_precision(std::string_view text) {
  return text == "bf16" ? DType::bf16 : text == "f16" ? DType::f16 : DType::f32;
}

ContextPtr make_context(const DeviceOptions& o, std::string_view precision) {
  const device::Availability gpu = o.device == "cpu" ? device::Availability{} : device::availability();
  check(o.device != "cuda" || gpu.count > 0, "--device cuda: ", gpu.why, "; use --device cpu");
  if (o.device == "auto" && gpu.count == 0 && has_gpu_rows()) say_that_the_cpu_is_used(gpu.why);
  const DeviceKind kind = gpu.count > 0 ? DeviceKind::cuda : DeviceKind::cpu;
  const bool tf32 = precision == "tf32";
  check(!tf32 || kind == DeviceKind::cuda,
        "--precision tf32: only a GPU multiplies in tf32, and this is the CPU; use --precision f32 or bf16");
  check(precision != "f16" || kind == DeviceKind::cuda,
        "--precision f16: only a GPU computes in f16, and this is the CPU; use --precision f32 or bf16");
  auto context = context_on(kind, o, tf32);
  check_forced_rows(*context);
  return context;
}

}  // namespace sumi
