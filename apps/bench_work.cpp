#include "apps/bench_work.h"

#include <cstdio>
#include <filesystem>

#include "apps/image.h"
#include "apps/models.h"
#include "apps/suggest.h"
#include "apps/usage.h"
#include "gan/faststyle_trainer.h"
#include "tensor/autograd.h"
#include "tensor/graph.h"

namespace sumi {
namespace {

constexpr std::uint64_t kSeed = 1;

std::string size_text(const WorkOptions& o) { return concat(o.width, 'x', o.height); }

Tensor random_picture(const ContextPtr& context, const WorkOptions& o, int N, double low, double high, DType dtype) {
  return Tensor::uniform(context, {N, o.height, o.width, 3}, low, high, kSeed, 0, dtype);
}

/// Inference on x, which a GPU captures.
Work inference_work(std::string title, const WorkOptions& o, const Tensor& x,
                    const std::function<Tensor(const Tensor&)>& network) {
  const ContextPtr& context = x.context();
  const auto y = std::make_shared<Tensor>();
  const auto graph = std::make_shared<Graph>(context, [=] {
    *y = {};
    *y = network(x);
  });
  const auto run = [=] {
    const NoGrad no_history(*context);
    (*graph)();
  };
  const auto tensors = [=]() -> StateDict {
    const NoGrad no_history(*context);
    return {{"x", cast(x, DType::f32)}, {"y", cast(*y, DType::f32)}};
  };
  return {std::move(title), size_text(o), run, tensors};
}

/// Naming the nearest size that would do.
void check_sides(const WorkOptions& o, std::string_view what, int multiple, int minimum) {
  const auto fitting = [&](int side) { return std::max(side / multiple * multiple, minimum); };
  const int width = fitting(o.width), height = fitting(o.height);
  check(width == o.width && height == o.height, "bench: ", what, " wants sides that are ",
        multiple > 1 ? concat("multiples of ", multiple, " and ") : "", "at least ", minimum, ", got ", size_text(o),
        "; --size ", width, 'x', height, " would do");
}

Work generator_work(const WorkOptions& o, const ContextPtr& context, const std::shared_ptr<Generator>& network,
                    const Architecture& a) {
  check_sides(o, a.name, a.multiple, a.minimum);
  network->to(o.precision);
  const double low = -a.pixels.offset / a.pixels.divisor, high = low + 255 / a.pixels.divisor;
  const Tensor x = random_picture(context, o, 1, low, high, o.precision);
  return inference_work(std::string(a.name), o, x, [=](const Tensor& t) { return network->forward(t); });
}

const std::string kLastTimed = "conv4_2";
constexpr int kThreeHalvings = 8;  // the side from which three poolings leave a pixel

Work vgg_work(const WorkOptions& o, const ContextPtr& context, const std::shared_ptr<const Vgg>& vgg) {
  const std::string name = concat("vgg", static_cast<int>(vgg->depth()));
  check_sides(o, name, 1, kThreeHalvings);
  vgg->to(o.precision);
  const Tensor x = random_picture(context, o, 1, -128, 128, o.precision);
  return inference_work(name, o, x, [=](const Tensor& t) { return vgg->features(t, {kLastTimed}).at(kLastTimed); });
}

Work file_work(const WorkOptions& o, const ContextPtr& context, const std::string& path) {
  if (is_vgg(path)) return vgg_work(o, context, load_vgg(context, path, kLastTimed));
  LoadedGenerator loaded = load_generator(context, path);
  return generator_work(o, context, std::move(loaded.network), *loaded.architecture);
}

Work training_work(const WorkOptions& o, const ContextPtr& context) {
  const std::string last = "relu4_3";
  check_sides(o, "training", 4, kThreeHalvings);
  std::shared_ptr<const Vgg> vgg =
      o.vgg.empty() ? std::make_shared<Vgg>(context, VggDepth::vgg16, kSeed, last) : load_vgg(context, o.vgg, last);
  const Tensor style = Tensor::uniform(context, {1, 256, 256, 3}, 0, 255, kSeed, 1);
  const auto trainer =
      std::make_shared<FaststyleTrainer>(context, vgg, style, FaststyleTrainerOptions{.precision = o.precision});
  const Tensor photos = random_picture(context, o, o.batch, 0, 255, DType::f32);
  return {concat("train faststyle, batch ", o.batch), size_text(o), [=] { trainer->step(photos); }};
}

Work named_work(const WorkOptions& o, const ContextPtr& context) {
  if (o.model == "vgg16" || o.model == "vgg19") {
    const VggDepth depth = o.model == "vgg16" ? VggDepth::vgg16 : VggDepth::vgg19;
    return vgg_work(o, context, std::make_shared<Vgg>(context, depth, kSeed, kLastTimed));
  }
  std::vector<std::string> known = {"vgg16", "vgg19"};
  for (const Architecture& a : architectures()) {
    if (a.name == o.model) return generator_work(o, context, a.make(context, kSeed, nullptr), a);
    known.emplace_back(a.name);
  }
  const bool bundled = std::ranges::count(bundled_models(), o.model) > 0;
  check_usage(bundled || o.model.find_first_of("./") != std::string::npos, "bench: there is no model '", o.model, "'",
              did_you_mean(o.model, known));
  return file_work(o, context, find_model(o.model));
}

}  // namespace

std::pair<int, int> parse_size(const std::string& text) {
  int width = 0, height = 0;
  char after = 0;
  const bool two = std::sscanf(text.c_str(), "%dx%d%c", &width, &height, &after) == 2;
  check_usage(two && width > 0 && height > 0 && width <= kLongestSide && height <= kLongestSide,
              "--size: expected WIDTHxHEIGHT, for example 512x340, got '", text, "'");
  return {width, height};
}

Work make_work(const WorkOptions& options, const ContextPtr& context) {
  WorkOptions o = options;
  const bool training = !o.train.empty();
  check_usage(training != !o.model.empty(), "bench: give either --model NAME or --train faststyle");
  if (o.width == 0) o.width = training ? 256 : 512, o.height = training ? 256 : 340;
  return training ? training_work(o, context) : named_work(o, context);
}

}  // namespace sumi
