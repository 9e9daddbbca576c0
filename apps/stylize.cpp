// sumi stylize: photos into paintings.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/device.h"
#include "apps/image.h"
#include "apps/interrupt.h"
#include "apps/models.h"
#include "apps/paint_plan.h"
#include "apps/painter.h"
#include "apps/program.h"
#include "apps/progress.h"
#include "apps/resize.h"
#include "apps/style_options.h"
#include "apps/usage.h"
#include "kernels/core/clock.h"

namespace sumi {
namespace {

struct StylizeOptions {
  std::vector<std::string> photos;
  std::string output, model, precision = "f32";
  StyleOptions style;
  DeviceOptions device;
  int size = 0;
  bool json = false;
};

using Painter = std::function<Image(const std::string& name, const Image&)>;

constexpr std::int64_t kLargePhoto = 8 << 20;  // pixels from which memory may run out: worth two trial paintings

Painter network_painter(const StylizeOptions& o, const ContextPtr& context) {
  const DType precision = parse_precision(o.precision);
  const auto painter =
      std::make_shared<NetworkPainter>(load_generator(context, find_model(o.model)), context, precision);
  return [=, per_pixel = 0.0](const std::string& name, const Image& photo) mutable {
    const InterruptEndsProgram at_once;  // no file is open and a large photo takes long
    const bool on_cpu = context->device().kind == DeviceKind::cpu;
    if (on_cpu && std::int64_t{photo.width} * photo.height >= kLargePhoto) {
      if (per_pixel == 0) per_pixel = paint_bytes_per_pixel(painter->model(), context, precision);
      check_memory(name, photo, per_pixel);
    }
    return painter->paint(photo);
  };
}

struct Summary {
  std::size_t painted = 0, failed = 0;
};

void report_done(const StylizeOptions& o, const PaintTask& task, const Image& image, double seconds) {
  if (o.json)
    std::cout << nlohmann::json{{"input", task.input},    {"output", task.output},
                                {"seconds", seconds},     {"width", image.width},
                                {"height", image.height}, {"model", o.model.empty() ? "optimization" : o.model}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  else
    std::cout << task.output << "  " << image.width << 'x' << image.height << "  " << std::fixed << std::setprecision(2)
              << seconds << " s" << std::endl;
}

void paint_one(const StylizeOptions& o, const PaintTask& task, const Painter& painter) {
  const double start = seconds_now();
  Image photo = read_image(task.input);
  if (o.size > 0) photo = resize_long_side(photo, o.size);
  check_image_size(task.input, photo.width, photo.height);
  const Image painting = painter(task.input, photo);
  check_interrupt();
  write_image(task.output, painting);
  report_done(o, task, painting, seconds_now() - start);
}

int paint_all(const StylizeOptions& o, const std::vector<PaintTask>& tasks, const Painter& painter) {
  Summary summary;
  Progress progress("painted", static_cast<std::int64_t>(tasks.size()));
  for (const PaintTask& task : tasks) {
    check_interrupt();
    try {
      paint_one(o, task, painter);
      summary.painted++;
    } catch (const Error& e) {
      progress.clear();
      const bool memory = dynamic_cast<const OutOfMemory*>(&e) != nullptr;
      std::cerr << "sumi: " << (memory ? task.input + ": " : "") << e.what()
                << (memory ? "; a smaller --size needs less" : "") << '\n';
      summary.failed++;
    }
    if (tasks.size() > 1) progress.update(static_cast<std::int64_t>(summary.painted + summary.failed));
  }
  progress.clear();
  if (tasks.size() > 1)
    std::cerr << "sumi: " << summary.painted << " of " << tasks.size() << " photos painted"
              << (summary.failed ? concat(", ", summary.failed, " failed: see above") : "") << '\n';
  return summary.failed ? kFailed : kDone;
}

int stylize(const StylizeOptions& o) {
  const std::string bundled = bundled_text();
  check_usage(o.model.empty() != o.style.picture.empty(), "stylize: give either --model ",
              bundled.empty() ? "FILE.safetensors" : "NAME (" + bundled + ")", " or --style PICTURE");
  check_usage(o.model.empty() || o.style.vgg.empty(), "stylize: --vgg goes with --style, not with --model");
  check_usage(!o.model.empty() || parse_precision(o.precision) == DType::f32, "stylize: --style paints in f32, not in ",
              o.precision, "; leave --precision out");
  const auto tasks = plan_paintings(o.photos, o.output);
  const ContextPtr context = make_context(o.device, o.precision);
  const Painter painter = o.model.empty() ? style_painter(o.style, context) : network_painter(o, context);
  make_output_folder(tasks);
  return paint_all(o, tasks, painter);
}

}  // namespace

Command add_stylize(CLI::App& program) {
  CLI::App* command = program.add_subcommand("stylize", "Paint photos in the style of a trained network or a picture");
  auto o = std::make_shared<StylizeOptions>();
  command->add_option("photos", o->photos, "photos, or folders of photos")->required()->type_name("PHOTO");
  command->add_option("-o,--output", o->output, "the picture to write (.png or .jpg), or a folder")->required();
  command->add_option("--model", o->model, "a bundled model's name, or a .safetensors file");
  command->add_option("--size", o->size, "resize the photo's long side to this before painting")
      ->check(CLI::Range(1, kLongestSide));
  add_precision_option(*command, o->precision, Precisions::of_inference);
  add_device_options(*command, o->device);
  add_style_options(*command, o->style);
  command->add_flag("--json", o->json, "one JSON object per photo on standard output");
  return [o] { return stylize(*o); };
}

}  // namespace sumi
