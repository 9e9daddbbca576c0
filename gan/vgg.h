// VGG-16 and VGG-19 (Simonyan & Zisserman 2015) as feature extractors.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.h"

namespace sumi {

/// Configurations D and E of the paper; the value is the number of weight layers.
enum class VggDepth : std::uint8_t { vgg16 = 16, vgg19 = 19 };

/// The convolutional trunk with torchvision's names (`features.N.weight`). Layers are addressed as `conv4_2` (before
/// the ReLU) and `relu3_1` (after it).
class Vgg : public Module {
 public:
  /// Random weights after He et al. (ICCV 2015), or zeros to load into without a seed. `last` names the last layer
  /// that will ever be asked for: later ones are neither built nor loaded.
  Vgg(const ContextPtr& context, VggDepth depth, std::optional<std::uint64_t> seed, std::string_view last = "relu5_1");
  ~Vgg() override;
  VggDepth depth() const;

  /// RGB 0..255 -> minus (123.68, 116.779, 103.939), in the filters' dtype. Differentiable.
  Tensor input(const Tensor& rgb255) const;
  /// x [N,H,W,3]: RGB 0..255 minus the ImageNet mean (see input()). Returns the layers asked for, computing none past
  /// the last. Throws Error naming an unknown layer. `average_pooling` replaces max pooling (Gatys et al.).
  std::map<std::string, Tensor> features(const Tensor& x, const std::vector<std::string>& layers,
                                         bool average_pooling = false) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// True when the file's tensors are named like a VGG trunk's. Throws Error for a file that is not valid.
bool is_vgg(const std::string& path);

/// A trunk file of either depth (by its tensor names), checked and loaded up to `last`. Throws Error naming the file,
/// and the filter that is all zeros or not finite: its features would tell nothing.
std::unique_ptr<Vgg> load_vgg(const ContextPtr& context, const std::string& path, std::string_view last);

}  // namespace sumi
