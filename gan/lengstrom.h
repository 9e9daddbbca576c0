// The feed-forward style network of lengstrom's fast-style-transfer (after Johnson, Alahi, Fei-Fei, ECCV 2016, with
// instance norm after Ulyanov et al. 2016).
#pragma once
#include "gan/generator.h"
#include "gan/unit.h"

namespace sumi {

/// RGB 0..255 in and out: the last layer is tanh * 150 + 127.5. TensorFlow's SAME padding, no convolution biases.
class Lengstrom : public Generator {
 public:
  /// Random weights, or zeros to load into without a seed; `width` is the first layer's channels (32 as published).
  Lengstrom(const ContextPtr& context, std::optional<std::uint64_t> seed, std::int64_t width = 32);
  Tensor forward(const Tensor& x) const override;

 private:
  struct Block {
    Block(const ContextPtr& context, std::int64_t width);
    ConvUnit first, second;
  };
  void add(const std::string& name, Module& conv, Module& norm);

  ConvUnit conv1_, conv2_, conv3_;
  std::vector<std::unique_ptr<Block>> blocks_;
  ConvTranspose2d up1_;
  Norm up1_norm_;
  ConvTranspose2d up2_;
  Norm up2_norm_;
  ConvUnit out_;
};

}  // namespace sumi
