// Training a feed-forward style network with perceptual losses (Johnson, Alahi & Fei-Fei, ECCV 2016).
#pragma once
#include <array>
#include <memory>

#include "gan/generator.h"
#include "gan/style.h"
#include "nn/optim.h"
#include "tensor/graph.h"

namespace sumi {

/// The network's width, the weights of the relative losses, and Adam's schedule.
struct FaststyleTrainerOptions {
  std::int64_t width = 32;  // channels of the first layer; 32, 64, 128 is the published size
  double content_weight = 1, style_weight = 2, tv_weight = 0.002;
  double lr = 1e-3;
  std::int64_t steps = 4000;  // planned: the learning rate is lr to half of them, 0.3 lr to 80 %, 0.1 lr to the end
  std::uint64_t seed = 1;
  double ema = 0;                // decay of the weights' moving averages, which then are the result; 0: none are kept
  DType precision = DType::f32;  // of filters and activations, f32 or bf16: docs/training.md
};

/// The weighted sum and its three terms before weighting: means over some steps.
struct PerceptualLosses {
  double total = 0, content = 0, style = 0, tv = 0;
};

/// Relative content and Gram losses on VGG-16 (see feedforward_options()), total variation, Adam.
class FaststyleTrainer {
 public:
  /// `style` [1,H,W,3] of 0..255. The VGG must reach relu4_3; it is put in the precision, and not trained.
  FaststyleTrainer(const ContextPtr& context, std::shared_ptr<const Vgg> vgg, const Tensor& style,
                   const FaststyleTrainerOptions& options);
  FaststyleTrainer(const FaststyleTrainer&) = delete;
  FaststyleTrainer& operator=(const FaststyleTrainer&) = delete;

  /// One step on photos [N,H,W,3] of 0..255 whose sides are multiples of 4. Does not wait for a GPU; there, a captured
  /// graph as long as the shape stays.
  void step(const Tensor& photos);
  /// Whether the last step was launched as a captured graph.
  bool launched() const { return graph_ && graph_->launched(); }
  /// Of the steps since the last call; waits for the GPU.
  PerceptualLosses losses();
  std::int64_t steps_done() const { return optimizer_->steps(); }
  double learning_rate() const;  // of the next step

  /// [N,H,W,3] -> [N,H,W,3] of 0..255, by network().
  Tensor paint(const Tensor& photos) const;
  /// The result in f32, for a file whose metadata has `architecture` faststyle_sigmoid: what is trained, or its moving
  /// average.
  const Generator& network() const { return averages_ ? *averages_ : *network_; }
  /// Everything that an exact resumption needs. restore() throws Error naming what is missing or does not fit.
  StateDict checkpoint() const;
  void restore(const StateDict& state);

 private:
  /// What gradients are taken through.
  const Generator& learner() const { return copy_ ? *copy_ : *network_; }
  void learn();

  std::shared_ptr<const Vgg> vgg_;
  FaststyleTrainerOptions options_;
  std::unique_ptr<Generator> network_, averages_;
  std::unique_ptr<Generator> copy_;  // of network_, with filters of 16 bits
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<PerceptualLoss> loss_;
  Tensor photos_;                 // of the step
  std::array<Tensor, 4> summed_;  // [1] each: total, content, style, variation; weighted, over `unread_` steps
  std::int64_t unread_ = 0;
  std::unique_ptr<Graph> graph_;
};

}  // namespace sumi
