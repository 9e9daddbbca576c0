#include "apps/bench_work.h"

#include <cstdio>
#include <filesystem>

#include "apps/image.h"
#include "apps/models.h"
#include "apps/suggest.h"
#include "apps/usage.h"
#include "gan/faststyle_trainer.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

constexpr std::uint64_t kSeed = 1;

std::string size_text(const WorkOptions& o) { return concat(o.width, 'x', o.height); }

Tensor random_picture(const ContextPtr& context, const WorkOptions& o, int N, double low, double high, DType dtype) {
  return Tensor::uniform(context, {N, o.height, o.width, 3}, low, high, kSeed, 0, dtype);
}

Work generator_work(const WorkOptions& o, const ContextPtr& context, std::shared_ptr<Generator> network,
                    const Architecture& a) {
  check(o.width % a.multiple == 0 && o.height % a.multiple == 0 && std::min(o.width, o.height) >= a.minimum,
        "bench: ", a.name, " wants sides that are multiples of ", a.multiple, " and at least ", a.minimum, ", got ",
        size_text(o));
  network->to(o.precision);
  const double low = -a.pixels.offset / a.pixels.divisor, high = low + 255 / a.pixels.divisor;
  const Tensor x = random_picture(context, o, 1, low, high, o.precision);
  return {std::string(a.name), size_text(o), [=] {
            const NoGrad no_history(*context);
            network->forward(x);
          }};
}

Work vgg_work(const WorkOptions& o, const ContextPtr& context) {
  const std::string last = "conv4_2";
  const auto vgg = std::make_shared<Vgg>(context, o.model == "vgg16" ? VggDepth::vgg16 : VggDepth::vgg19, kSeed, last);
  vgg->to(o.precision);
  const Tensor x = random_picture(context, o, 1, -128, 128, o.precision);
  return {o.model, size_text(o), [=] {
            const NoGrad no_history(*context);
            vgg->features(x, {last});
          }};
}

Work training_work(const WorkOptions& o, const ContextPtr& context) {
  const std::string last = "relu4_3";
  std::shared_ptr<const Vgg> vgg =
      o.vgg.empty() ? std::make_shared<Vgg>(context, VggDepth::vgg16, kSeed, last) : load_vgg(context, o.vgg, last);
  check(o.precision == DType::f32, "bench: training is timed in f32");
  const Tensor style = Tensor::uniform(context, {1, 256, 256, 3}, 0, 255, kSeed, 1);
  const auto trainer = std::make_shared<FaststyleTrainer>(context, vgg, style, FaststyleTrainerOptions{});
  const Tensor photos = random_picture(context, o, o.batch, 0, 255, DType::f32);
  return {concat("train faststyle, batch ", o.batch), size_text(o), [=] { trainer->step(photos); }};
}

Work named_work(const WorkOptions& o, const ContextPtr& context) {
  if (o.model == "vgg16" || o.model == "vgg19") return vgg_work(o, context);
  std::vector<std::string> known = {"vgg16", "vgg19"};
  for (const Architecture& a : architectures()) {
    if (a.name == o.model) return generator_work(o, context, a.make(context, kSeed, nullptr), a);
    known.emplace_back(a.name);
  }
  const bool bundled = std::ranges::count(bundled_models(), o.model) > 0;
  check_usage(bundled || o.model.find_first_of("./") != std::string::npos, "bench: there is no model '", o.model, "'",
              did_you_mean(o.model, known));
  LoadedGenerator loaded = load_generator(context, find_model(o.model));
  return generator_work(o, context, std::move(loaded.network), *loaded.architecture);
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
