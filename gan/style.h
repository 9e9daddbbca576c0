// What makes a picture look like another: perceptual losses on a VGG's features (Gatys, Ecker, Bethge, CVPR 2016;
// Johnson et al., ECCV 2016). Everything is written with recorded ops.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "gan/vgg.h"

namespace sumi {

/// What is compared in a style layer.
enum class StyleStatistic : std::uint8_t {
  gram,      // [N,C,C], sums over pixels / (H W C)
  mean_std,  // mean and standard deviation per channel (Huang & Belongie, ICCV 2017; eps 1e-5)
};

/// Mean squared error, or the squared error over the target's squared norm: the weight of a relative term does not
/// depend on the scale of the features.
enum class ErrorForm : std::uint8_t { absolute, relative };

/// One layer's style: gram [N,C,C], or mean and standard deviation [N,1,1,C]; f32 of 16-bit features.
struct StyleTarget {
  Tensor gram, mean, std;
};
/// Of features [N,H,W,C]; recorded where gradients are wanted.
StyleTarget style_statistic(const Tensor& features, StyleStatistic statistic);

/// Between values and a constant target of the same shape. relative: sum (x - t)^2 / sum t^2.
Tensor feature_error(const Tensor& x, const Tensor& target, ErrorForm form);
/// Between each picture of a batch and the one style: mean over the batch of the errors of the statistics.
Tensor style_error(const Tensor& features, const StyleTarget& target, StyleStatistic statistic, ErrorForm form);

/// Which layers of the VGG are compared, how, and with what weights. A weight of 0 leaves its term out.
struct PerceptualOptions {
  std::vector<std::string> content_layers, style_layers;
  double content_weight = 1, style_weight = 1;
  double tv_weight = 0;  // of the mean absolute difference of neighbours; of its sum when the form is absolute
  std::vector<double> layer_weights;  // of the style layers; empty: 1 each, or 1/count when relative
  StyleStatistic statistic = StyleStatistic::gram;
  ErrorForm form = ErrorForm::absolute;
  bool average_pooling = false;
};
/// Gatys et al. with jcjohnson/neural-style's weights: content conv4_2, style relu1_1 to relu5_1.
PerceptualOptions gatys_options();
/// Relative terms for training a feed-forward network on VGG-16: content relu3_3, style relu1_2, 2_2, 3_3, 4_3.
PerceptualOptions feedforward_options();

/// content + style + total variation against one style picture. The VGG must outlive it.
class PerceptualLoss {
 public:
  struct Terms {
    Tensor content, style, variation, total;  // weighted, one element each; an empty handle where the weight is 0
  };
  using Features = std::map<std::string, Tensor>;

  /// `style` [1,H,W,3], RGB 0..255.
  PerceptualLoss(const Vgg& vgg, const Tensor& style, PerceptualOptions options);
  /// Replaces the style picture (another size in coarse-to-fine optimisation).
  void set_style(const Tensor& style);
  /// Content features of pictures [N,H,W,3], RGB 0..255; constants.
  Features content_of(const Tensor& pictures) const;
  /// Of pictures [N,H,W,3], RGB 0..255, against their content features.
  Terms operator()(const Tensor& pictures, const Features& content) const;

 private:
  Tensor style_term(const Features& features) const;
  const Vgg* vgg_;
  PerceptualOptions options_;
  std::vector<StyleTarget> style_;
};

}  // namespace sumi
