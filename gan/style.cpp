#include "gan/style.h"

#include <algorithm>

#include "tensor/autograd.h"

namespace sumi {
namespace {

constexpr double kVarianceFloor = 1e-5;

/// The squared norm of a target, as a constant [1], never 0, summed as losses are. It stays on the device: reading it
/// would wait.
Tensor squared_norm(const Tensor& t) {
  const Tensor zeros = Tensor::zeros(t.context(), t.shape(), t.dtype());
  return shift(mse_loss(t.detach(), zeros) * static_cast<double>(t.numel()), 1e-30);
}

/// Mean over the batch of the error against a target of batch 1. Relative: of ||x_n - t||^2 / ||t||^2.
Tensor batch_error(const Tensor& x, const Tensor& target, ErrorForm form) {
  const Tensor squares = square(x - target);
  if (form == ErrorForm::absolute) return mean(squares);
  return sum(squares) * (1 / static_cast<double>(x.dim(0))) / squared_norm(target);
}

Tensor plus(const Tensor& a, const Tensor& b) { return !a ? b : !b ? a : a + b; }

}  // namespace

StyleTarget style_statistic(const Tensor& features, StyleStatistic statistic) {
  const DType type = param_dtype(features.dtype());
  if (statistic == StyleStatistic::gram) return {.gram = cast(gram(features), type)};
  const Tensor f = cast(features, type), m = mean(f, {1, 2}, true);
  return {.mean = m, .std = sqrt(mean(square(f - m), {1, 2}, true) + kVarianceFloor)};
}

Tensor feature_error(const Tensor& x, const Tensor& target, ErrorForm form) {
  if (form == ErrorForm::absolute) return mse_loss(x, target);
  return mse_loss(x, target) * static_cast<double>(x.numel()) / squared_norm(target);
}

Tensor style_error(const Tensor& features, const StyleTarget& target, StyleStatistic statistic, ErrorForm form) {
  const StyleTarget now = style_statistic(features, statistic);
  if (statistic == StyleStatistic::gram) return batch_error(now.gram, target.gram, form);
  return batch_error(now.mean, target.mean, form) + batch_error(now.std, target.std, form);
}

PerceptualOptions gatys_options() {
  return {.content_layers = {"conv4_2"},
          .style_layers = {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"},
          .content_weight = 5,
          .style_weight = 100,
          .tv_weight = 1e-3};
}

PerceptualOptions feedforward_options() {
  return {.content_layers = {"relu3_3"},
          .style_layers = {"relu1_2", "relu2_2", "relu3_3", "relu4_3"},
          .content_weight = 1,
          .style_weight = 2,
          .tv_weight = 0.002,
          .form = ErrorForm::relative};
}

PerceptualLoss::PerceptualLoss(const Vgg& vgg, const Tensor& style, PerceptualOptions options)
    : vgg_(&vgg), options_(std::move(options)) {
  if (options_.layer_weights.empty()) {
    const double count = static_cast<double>(std::max<std::size_t>(1, options_.style_layers.size()));
    options_.layer_weights.assign(options_.style_layers.size(), options_.form == ErrorForm::relative ? 1 / count : 1.0);
  }
  check(options_.layer_weights.size() == options_.style_layers.size(), "style: ", options_.style_layers.size(),
        " layers, but ", options_.layer_weights.size(), " weights");
  set_style(style);
}

void PerceptualLoss::set_style(const Tensor& style) {
  style_.clear();
  if (options_.style_layers.empty()) return;
  const NoGrad none(style.ctx());
  const Features f = vgg_->features(vgg_->input(style), options_.style_layers, options_.average_pooling);
  for (const std::string& layer : options_.style_layers)
    style_.push_back(style_statistic(f.at(layer), options_.statistic));
}

PerceptualLoss::Features PerceptualLoss::content_of(const Tensor& pictures) const {
  if (options_.content_layers.empty()) return {};
  const NoGrad none(pictures.ctx());
  return vgg_->features(vgg_->input(pictures), options_.content_layers, options_.average_pooling);
}

Tensor PerceptualLoss::style_term(const Features& features) const {
  Tensor total;
  for (std::size_t i = 0; i < style_.size(); i++) {
    const Tensor& f = features.at(options_.style_layers[i]);
    const Tensor error = style_error(f, style_[i], options_.statistic, options_.form);
    total = plus(total, error * (options_.layer_weights[i] * options_.style_weight));
  }
  return total;
}

PerceptualLoss::Terms PerceptualLoss::operator()(const Tensor& pictures, const Features& content) const {
  std::vector<std::string> layers = options_.content_layers;
  layers.insert(layers.end(), options_.style_layers.begin(), options_.style_layers.end());
  Terms t;
  if (!layers.empty()) {
    const Features f = vgg_->features(vgg_->input(pictures), layers, options_.average_pooling);
    for (const std::string& layer : options_.content_layers)
      t.content =
          plus(t.content, feature_error(f.at(layer), content.at(layer), options_.form) * options_.content_weight);
    t.style = style_term(f);
  }
  if (options_.tv_weight != 0) {
    const bool summed = options_.form == ErrorForm::absolute;
    const std::int64_t values = pictures.numel() / pictures.dim(0);
    t.variation = total_variation(pictures) * (options_.tv_weight * (summed ? static_cast<double>(values) : 1.0));
  }
  t.total = plus(plus(t.content, t.style), t.variation);
  check(static_cast<bool>(t.total), "style: no term has a weight");
  return t;
}

}  // namespace sumi
