#include "apps/style_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "apps/interrupt.h"
#include "apps/painter.h"
#include "apps/progress.h"
#include "apps/resize.h"
#include "gan/gatys.h"
#include "nn/lbfgs.h"

namespace sumi {
namespace {

const std::string kLast = "relu5_1";
constexpr int kCoarsest = 192;  // long side below which a level of the pyramid has too little to see

/// Long sides from coarse to fine, doubling: strokes are laid out on the small picture and refined on the large one.
std::vector<int> pyramid(const Image& photo) {
  std::vector<int> sides = {std::max(photo.width, photo.height)};
  while (sides.front() / 2 >= kCoarsest) sides.insert(sides.begin(), sides.front() / 2);
  return sides;
}

PerceptualOptions loss_options(const StyleOptions& o) {
  PerceptualOptions p = gatys_options();
  p.form = ErrorForm::relative;
  p.statistic = o.loss == "gram" ? StyleStatistic::gram : StyleStatistic::mean_std;
  p.content_weight = o.content_weight, p.style_weight = o.style_weight, p.tv_weight = o.tv_weight;
  p.average_pooling = true;  // fewer speckles than max pooling left, by eye (one photo and style)
  return p;
}

class StylePainter {
 public:
  StylePainter(const StyleOptions& o, const ContextPtr& context) : o_(o), context_(context) {
    style_ = read_style(o.picture);
    if (!o.vgg.empty()) {
      vgg_ = load_vgg(context, o.vgg, kLast);
    } else {
      std::cerr << "sumi: no --vgg given: using a VGG with random weights (seed " << o.seed
                << "); trained ones paint better\n";
      vgg_ = std::make_shared<Vgg>(context, VggDepth::vgg19, o.seed, kLast);
    }
    vgg_->set_requires_grad(false);
  }

  Image paint(const std::string& name, const Image& photo) const {
    check_memory(name, photo, bytes_per_pixel());
    const std::vector<int> sides = pyramid(photo);
    Progress progress("iteration", static_cast<std::int64_t>(sides.size()) * o_.iterations, 5);
    Image now;
    for (std::size_t level = 0; level < sides.size(); level++) {
      const Image target = padded(resize_long_side(photo, sides[level]), 1, kSmallestStyle);
      const double shrink = static_cast<double>(sides[level]) / sides.back();
      const Image start = now.width ? resize(now, target.width, target.height) : target;
      now = paint_level(target, start, shrink, progress, static_cast<int>(level) * o_.iterations);
    }
    return cropped_like(now, photo);
  }

 private:
  /// Slopes of the peak between 97,152 and 422,400 pixels, with the style picture at the photo's size: 1,440 bytes with
  /// VGG-16 and 1,450 with VGG-19 for --style-loss gram, 2,030 and 2,080 for meanstd; a tenth is added. L-BFGS keeps
  /// two pictures of every iteration, up to 100 of them.
  double bytes_per_pixel() const {
    constexpr double kGram = 1600, kMeanStd = 2300, kPair = 2 * 3 * sizeof(float);
    return (o_.loss == "gram" ? kGram : kMeanStd) +
           (o_.optimizer == "lbfgs" ? kPair * std::min(o_.iterations, LbfgsOptions{}.history) : 0);
  }

  /// The style picture at this level's scale, [1,H,W,3].
  Tensor style_at(double shrink, const Image& photo) const {
    const double full = o_.style_size > 0 ? o_.style_size * shrink : std::max(photo.width, photo.height);
    return pixels_of(context_,
                     padded(resize_long_side(style_, std::max(1, static_cast<int>(full))), 1, kSmallestStyle));
  }

  Image paint_level(const Image& photo, const Image& start, double shrink, Progress& progress, int done) const {
    const PerceptualLoss loss(*vgg_, style_at(shrink, photo), loss_options(o_));
    GatysOptions g{.optimizer = o_.optimizer == "adam" ? PictureOptimizer::adam : PictureOptimizer::lbfgs,
                   .iterations = o_.iterations};
    g.on_evaluation = [&](int evaluations, double value) {
      check_interrupt();
      progress.update(done + std::min(evaluations, o_.iterations), concat("loss ", value));
    };
    return image_of(paint_by_optimization(loss, pixels_of(context_, photo), pixels_of(context_, start), g));
  }

  StyleOptions o_;
  ContextPtr context_;
  Image style_;
  std::shared_ptr<Vgg> vgg_;
};

}  // namespace

Image read_style(const std::string& path) {
  Image style = read_image(path);
  check(std::min(style.width, style.height) >= kSmallestStyle, path, ": the style picture is ", style.width, 'x',
        style.height, "; a style needs at least ", kSmallestStyle, " pixels a side: take a larger picture");
  return style;
}

void add_style_options(CLI::App& command, StyleOptions& o) {
  command.add_option("--style", o.picture, "paint by optimization in the style of this picture (Gatys et al. 2016)");
  command.add_option("--vgg", o.vgg, "VGG weights for --style (.safetensors; default: random weights)");
  command.add_option("--style-loss", o.loss, "gram or meanstd")
      ->check(CLI::IsMember({"gram", "meanstd"}))
      ->capture_default_str();
  command.add_option("--optimizer", o.optimizer, "lbfgs or adam")
      ->check(CLI::IsMember({"lbfgs", "adam"}))
      ->capture_default_str();
  command.add_option("--iterations", o.iterations, "of each size, from coarse to fine")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--style-size", o.style_size, "long side of the style picture; 0: the photo's")
      ->check(CLI::Range(0, kLongestSide))
      ->capture_default_str();
  const auto weight = CLI::Range(0.0, 1e12);
  command.add_option("--content-weight", o.content_weight, "of the content loss")->check(weight)->capture_default_str();
  command.add_option("--style-weight", o.style_weight, "of the style loss")->check(weight)->capture_default_str();
  command.add_option("--tv-weight", o.tv_weight, "of the total variation")->check(weight)->capture_default_str();
  command.add_option("--seed", o.seed, "of the random VGG")->capture_default_str();
}

std::function<Image(const std::string& name, const Image&)> style_painter(const StyleOptions& options,
                                                                          const ContextPtr& context) {
  const auto painter = std::make_shared<StylePainter>(options, context);
  return [painter](const std::string& name, const Image& photo) { return painter->paint(name, photo); };
}

}  // namespace sumi
