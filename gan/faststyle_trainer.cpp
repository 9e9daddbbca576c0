#include "gan/faststyle_trainer.h"

#include <algorithm>
#include <utility>

#include "gan/faststyle.h"
#include "nn/schedule.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

constexpr std::string_view kArchitecture = "faststyle_sigmoid";

PerceptualOptions loss_options(const FaststyleTrainerOptions& o) {
  PerceptualOptions p = feedforward_options();
  p.content_weight = o.content_weight, p.style_weight = o.style_weight, p.tv_weight = o.tv_weight;
  return p;
}

/// Pixels in f32, around a network of any precision.
Tensor painted_by(const Generator& network, const Tensor& photos, DType precision) {
  const PixelFormat& f = architecture_named(kArchitecture).pixels;
  const Tensor y = network.forward(cast(scale(shift(photos, -f.offset), 1 / f.divisor), precision));
  return shift(scale(cast(y, DType::f32), f.out_scale), f.out_offset);
}

}  // namespace

FaststyleTrainer::FaststyleTrainer(const ContextPtr& context, std::shared_ptr<const Vgg> vgg, const Tensor& style,
                                   const FaststyleTrainerOptions& options)
    : vgg_(std::move(vgg)), options_(options) {
  check(options.width > 0, "faststyle: expected a positive width, got ", options.width);
  const FaststyleOptions shape{
      .width1 = options.width, .width2 = 2 * options.width, .width3 = 4 * options.width, .sigmoid = true};
  check(options.precision == DType::f32 || options.precision == DType::bf16,
        "faststyle: expected a precision of f32 or bf16, got ", name_of(options.precision));
  network_ = std::make_unique<Faststyle>(context, options.seed, shape);
  if (options.precision != DType::f32) {
    copy_ = std::make_unique<Faststyle>(context, std::nullopt, shape);
    copy_->to(options.precision);
  }
  learner().set_requires_grad(true);
  vgg_->set_requires_grad(false);
  vgg_->to(options.precision);
  check(options.ema >= 0 && options.ema < 1, "faststyle: expected a decay of averages from 0 to below 1, got ",
        options.ema);
  if (options.ema > 0) averages_ = std::make_unique<Faststyle>(context, std::nullopt, shape);
  OptimizerOptions o = adam(options.lr);
  o.ema_decay = options.ema;
  using Tensors = std::vector<Tensor*>;
  optimizer_ = std::make_unique<Optimizer>(learner().parameters(), o, averages_ ? averages_->parameters() : Tensors{},
                                           copy_ ? network_->parameters() : Tensors{});
  loss_ = std::make_unique<PerceptualLoss>(*vgg_, style, loss_options(options));
  for (Tensor& sum : summed_) sum = Tensor::zeros(context, {1});
}

double FaststyleTrainer::learning_rate() const {
  constexpr Milestone drops[] = {{0.5, 0.3}, {0.8, 0.1}};
  return piecewise_rate(options_.lr, drops, steps_done(), options_.steps);
}

Tensor FaststyleTrainer::paint(const Tensor& photos) const { return painted_by(network(), photos, DType::f32); }

/// The part of a step that a graph captures.
void FaststyleTrainer::learn() {
  optimizer_->zero_grad();
  const PerceptualLoss::Features content = loss_->content_of(photos_);  // before there is a history to hold as well
  const PerceptualLoss::Terms t = (*loss_)(painted_by(learner(), photos_, options_.precision), content);
  backward(t.total, {}, History::release);
  optimizer_->update();
  const Tensor* terms[] = {&t.total, &t.content, &t.style, &t.variation};
  for (std::size_t i = 0; i < summed_.size(); i++)
    if (*terms[i]) summed_[i].copy_from(summed_[i] + terms[i]->detach());
}

void FaststyleTrainer::step(const Tensor& photos) {
  if (!photos_ || photos_.shape() != photos.shape()) {
    graph_ = std::make_unique<Graph>(photos.context(), [this] { learn(); });
    photos_ = photos.clone();
  } else {
    photos_.copy_from(photos);
  }
  optimizer_->options.lr = learning_rate();
  optimizer_->advance();
  (*graph_)();
  unread_++;
}

PerceptualLosses FaststyleTrainer::losses() {
  const auto steps = static_cast<double>(std::max<std::int64_t>(1, std::exchange(unread_, 0)));
  std::array<double, 4> mean{};
  for (std::size_t i = 0; i < mean.size(); i++) {
    mean[i] = summed_[i].item() / steps;
    summed_[i].copy_from(Tensor::zeros(summed_[i].context(), {1}));
  }
  const auto unweighted = [](double term, double weight) { return weight != 0 ? term / weight : 0; };
  return {mean[0], unweighted(mean[1], options_.content_weight), unweighted(mean[2], options_.style_weight),
          unweighted(mean[3], options_.tv_weight)};
}

StateDict FaststyleTrainer::checkpoint() const {
  StateDict state;
  for (const auto& [name, t] : network_->state_dict()) state["network." + name] = t;
  for (const auto& [name, t] : optimizer_->state()) state["optimizer." + name] = t;
  return state;
}

void FaststyleTrainer::restore(const StateDict& state) {
  StateDict network, optimizer;
  for (const auto& [name, t] : state) {
    if (name.starts_with("network.")) network[name.substr(8)] = t;
    if (name.starts_with("optimizer.")) optimizer[name.substr(10)] = t;
  }
  network_->load_state_dict(network);
  if (copy_) copy_->load_state_dict(network);
  optimizer_->load_state(optimizer);
}

}  // namespace sumi
