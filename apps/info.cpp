// sumi info: what this program, this machine or a weights file has.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/codecs.h"
#include "apps/device.h"
#include "apps/file_info.h"
#include "apps/info_libraries.h"
#include "apps/models.h"
#include "apps/op_list.h"
#include "apps/program.h"
#include "kernels/device/runtime.h"

namespace sumi {
namespace {

using nlohmann::json;

std::string cpu_features(const DeviceInfo& d) {
  return concat(d.avx2 ? "AVX2 FMA " : "", d.avx512 ? "AVX-512 " : "", d.avx512_bf16 ? "AVX-512-BF16 " : "");
}

json libraries() {
  return {{"oneDNN", onednn_version()},
          {"Highway", highway_version()},
          {"libjpeg-turbo", libjpeg_version()},
          {"stb", stb_version()},
          {"NVIDIA", device::versions()}};
}

json devices(const Context& ctx) {
  const DeviceInfo cpu = cpu_info(ctx.threads());
  json all = json::array({{{"kind", "cpu"},
                           {"name", cpu.name},
                           {"threads", cpu.threads},
                           {"avx2", cpu.avx2},
                           {"avx512", cpu.avx512},
                           {"avx512_bf16", cpu.avx512_bf16}}});
  if (device::availability().count == 0) return all;
  const DeviceInfo gpu = device::info();
  const auto memory = device::memory_state();
  all.push_back({{"kind", "cuda"},
                 {"name", gpu.name},
                 {"compute_capability", gpu.compute_capability},
                 {"multiprocessors", gpu.multiprocessors},
                 {"memory_bytes", memory.total}});
  return all;
}

std::string gpu_text() {
  const device::Availability gpu = device::availability();
  if (gpu.count == 0) return gpu.why;
  const DeviceInfo d = device::info();
  return concat(d.name, ", sm_", d.compute_capability, ", ", d.multiprocessors, " multiprocessors, ",
                device::memory_state().total >> 20, " MiB");
}

json machine(const Context& ctx) {
  return {{"version", SUMI_VERSION},
          {"devices", devices(ctx)},
          {"libraries", libraries()},
          {"models", bundled_models()},
          {"ops", list_ops(ctx)}};
}

void print_rows(const json& op, std::string_view device, std::string_view chosen_on) {
  for (const auto& row : op["rows"])
    if (row["device"] == device)
      std::cout << ' ' << row["name"].get<std::string>()
                << (device == chosen_on && row["name"] == op["typical"] ? "*" : "");
}

void print_machine(const json& all, const Context& ctx) {
  const DeviceInfo d = cpu_info(ctx.threads());
  std::cout << "sumi " << SUMI_VERSION << "\ncpu: " << d.name << ", " << d.threads << " threads, " << cpu_features(d)
            << "\ncuda: " << gpu_text() << "\nlibraries:";
  for (const auto& [name, version] : all["libraries"].items())
    if (version != "") std::cout << ' ' << name << ' ' << version.get<std::string>() << ';';
  std::cout << "\nmodels:";
  for (const auto& m : all["models"]) std::cout << ' ' << m.get<std::string>();
  std::cout << "\n\nops, their rows in order of preference, and the one (*) that a typical case takes here:\n";
  for (const auto& op : all["ops"]) {
    std::cout << "  " << std::left << std::setw(26) << op["name"].get<std::string>();
    print_rows(op, "cpu", name_of(ctx.device().kind));
    const auto on_gpu = [](const json& row) { return row["device"] == "cuda"; };
    if (std::ranges::any_of(op["rows"], on_gpu))
      std::cout << "\n  " << std::setw(26) << ""
                << " cuda:";
    print_rows(op, "cuda", name_of(ctx.device().kind));
    std::cout << '\n';
  }
}

int info(const std::string& file, const DeviceOptions& device, bool as_json) {
  const ContextPtr context = make_context(device);
  if (!file.empty()) {
    const json about = file_info(context, find_model(file));
    if (as_json)
      std::cout << about.dump(2) << std::endl;
    else
      print_file_info(about, std::cout);
    return kDone;
  }
  const json all = machine(*context);
  if (as_json)
    std::cout << all.dump(2) << std::endl;
  else
    print_machine(all, *context);
  return kDone;
}

}  // namespace

Command add_info(CLI::App& program) {
  CLI::App* command = program.add_subcommand("info", "What this program has and runs on, or what is in a weights file");
  auto file = std::make_shared<std::string>();
  auto device = std::make_shared<DeviceOptions>();
  auto as_json = std::make_shared<bool>(false);
  command->add_option("file", *file, "a .safetensors file, or a bundled model's name, to describe")->type_name("FILE");
  command->add_flag("--json", *as_json, "as JSON");
  add_device_options(*command, *device);
  return [=] { return info(*file, *device, *as_json); };
}

}  // namespace sumi
