// sumi bench: how fast a network runs here, and how far each layer is from what the machine can do.
#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/bench_work.h"
#include "apps/device.h"
#include "apps/interrupt.h"
#include "apps/program.h"
#include "apps/usage.h"
#include "kernels/core/clock.h"
#include "kernels/device/roofline.h"
#include "kernels/device/runtime.h"
#include "nn/safetensors.h"

namespace sumi {
namespace {

struct BenchOptions {
  WorkOptions work;
  std::string size, save, precision = "f32";
  DeviceOptions device;
  int repeat = 5;
  bool json = false;
};

struct Measured {
  double min_s = 0, median_s = 0, flops = 0;
  std::vector<Timing> layers;  // of the fastest run
};

double total_flops(const std::vector<Timing>& layers) {
  double sum = 0;
  for (const Timing& t : layers) sum += t.flops;
  return sum;
}

/// Seconds of one run; with `layers`, each op is timed too, which on a GPU means waiting for each.
double timed(const std::function<void()>& work, Context& ctx, std::vector<Timing>* layers) {
  ctx.profile = layers;
  const double seconds = seconds_of(ctx, work);
  ctx.profile = nullptr;
  return seconds;
}

/// One run to warm up (weights are packed, memory is pooled), on a GPU two more (a graph is captured), then `repeat`
/// timed ones.
Measured measure(const std::function<void()>& work, Context& ctx, int repeat) {
  Measured m;
  std::vector<double> seconds;
  const bool on_gpu = ctx.device().kind == DeviceKind::cuda;
  for (int i = 0; i < (on_gpu ? 3 : 1); i++) work();
  for (int i = 0; i < repeat; i++) {
    check_interrupt();
    std::vector<Timing> layers;
    seconds.push_back(timed(work, ctx, on_gpu ? nullptr : &layers));
    if (seconds.back() <= *std::ranges::min_element(seconds)) m.layers = std::move(layers);
  }
  if (on_gpu) timed(work, ctx, &m.layers);
  std::ranges::sort(seconds);
  m.min_s = seconds.front(), m.median_s = seconds[seconds.size() / 2];
  m.flops = total_flops(m.layers);
  return m;
}

/// Of the process, in the memory of the device.
double peak_mib(const Context& ctx) {
  if (ctx.device().kind == DeviceKind::cuda) return static_cast<double>(device::memory_state().peak) / (1 << 20);
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

void print_json(const BenchOptions& o, const Work& work, const Context& ctx, const Measured& m) {
  std::cout << nlohmann::json{{"model", work.title},
                              {"size", work.size},
                              {"precision", o.precision},
                              {"device", ctx.device().name},
                              {"threads", ctx.threads()},
                              {"repeat", o.repeat},
                              {"min_ms", m.min_s * 1e3},
                              {"median_ms", m.median_s * 1e3},
                              {"gflops", m.flops / m.min_s * 1e-9},
                              {"peak_mib", peak_mib(ctx)}}
            << std::endl;
}

void print_table(const Work& work, Context& ctx, const Measured& m, const Roofline& roof) {
  std::cout << work.title << ' ' << work.size << " on " << ctx.device().name << ", " << ctx.threads()
            << " threads: peak " << std::fixed << std::setprecision(0) << roof.gflops << " GFLOP/s, "
            << roof.gbytes_per_s << " GB/s\n\n"
            << std::left << std::setw(24) << "op" << std::setw(20) << "row" << std::right << std::setw(10) << "ms"
            << std::setw(10) << "GFLOP/s" << std::setw(12) << "% roofline"
            << "  dims\n";
  double inside = 0;
  for (const Timing& t : m.layers) {
    inside += t.seconds;
    std::cout << std::left << std::setw(24) << t.op << std::setw(20) << t.row << std::right << std::setprecision(3)
              << std::setw(10) << t.seconds * 1e3 << std::setprecision(1) << std::setw(10) << t.flops / t.seconds * 1e-9
              << std::setprecision(0) << std::setw(12) << 100 * roof.seconds(t.flops, t.bytes) / t.seconds << "  "
              << t.key << '\n';
  }
  std::cout << std::setprecision(1) << "\nmin " << m.min_s * 1e3 << " ms, median " << m.median_s * 1e3 << " ms, "
            << m.flops / m.min_s * 1e-9 << " GFLOP/s, " << 100 * inside / m.min_s << " % of the time in kernels, peak "
            << peak_mib(ctx) << " MiB" << std::endl;
}

int bench(BenchOptions& o) {
  check_usage(o.save.empty() || o.work.train.empty(), "bench: --save goes with --model, not with --train");
  if (!o.size.empty()) std::tie(o.work.width, o.work.height) = parse_size(o.size);
  o.work.precision = parse_precision(o.precision);
  const ContextPtr context = make_context(o.device, o.precision);
  const Roofline roof = o.json ? Roofline{} : measure_roofline(*context, o.work.precision);
  const Work work = make_work(o.work, context);
  const Measured m = measure(work.run, *context, o.repeat);
  if (!o.save.empty()) save_safetensors(o.save, work.tensors(), {});
  if (o.json)
    print_json(o, work, *context, m);
  else
    print_table(work, *context, m, roof);
  return kDone;
}

}  // namespace

Command add_bench(CLI::App& program) {
  CLI::App* command = program.add_subcommand("bench", "Time a network, layer by layer");
  auto o = std::make_shared<BenchOptions>();
  command->add_option("--model", o->work.model,
                      "cartoongan, faststyle, lengstrom, animeganv2, vgg16, vgg19 (random weights), or a file");
  command->add_option("--train", o->work.train, "time one whole training step instead: faststyle")
      ->check(CLI::IsMember({"faststyle"}));
  command->add_option("--size", o->size, "WIDTHxHEIGHT of the picture (default 512x340; 256x256 with --train)");
  command->add_option("--batch", o->work.batch, "pictures in a training step")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--vgg", o->work.vgg, "VGG weights for --train (default: random)");
  command->add_option("--repeat", o->repeat, "timed runs")->check(CLI::Range(1, 10000))->capture_default_str();
  add_precision_option(*command, o->precision, Precisions::of_inference);
  add_device_options(*command, o->device);
  command->add_option("--save", o->save,
                      "write the network's input and output, x and y in N,H,W,C, to this .safetensors");
  command->add_flag("--json", o->json, "one JSON object instead of the table");
  return [o] {
    try {
      return bench(*o);
    } catch (const OutOfMemory& e) {
      fail(e.what(), "; a smaller --size or --batch needs less");
    }
  };
}

}  // namespace sumi
