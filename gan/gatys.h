// Painting by optimization: Gatys, Ecker & Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR
// 2016.
#pragma once
#include <functional>

#include "gan/style.h"

namespace sumi {

/// What moves the pixels: L-BFGS with a line search, as published, or Adam.
enum class PictureOptimizer : std::uint8_t { lbfgs, adam };

/// How long and how to paint.
struct GatysOptions {
  PictureOptimizer optimizer = PictureOptimizer::lbfgs;
  int iterations = 100;   // evaluations of loss and gradient; L-BFGS's line search may end a few later
  double adam_lr = 0.02;  // of pixels 0..1
  /// Called after each evaluation of the loss with the number of evaluations and the loss; may throw to stop.
  std::function<void(int, double)> on_evaluation;
};

/// Moves the pixels of `start` [1,H,W,3] (0..255) towards the content of `photo`, of the same shape, and the loss's
/// style. Returns 0..255, not clamped.
Tensor paint_by_optimization(const PerceptualLoss& loss, const Tensor& photo, const Tensor& start,
                             const GatysOptions& options);

}  // namespace sumi
