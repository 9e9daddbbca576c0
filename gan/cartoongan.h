// CartoonGAN's generator: Chen, Lai, Liu: CartoonGAN: Generative Adversarial Networks for Photo Cartoonization, CVPR
// 2018, with the layer names of the authors' published networks.
#pragma once
#include "gan/generator.h"
#include "gan/unit.h"

namespace sumi {

/// BGR in [-1,1] in and out; every convolution has a bias; instance norm with eps 1e-9, named scale and shift.
class CartoonGan : public Generator {
 public:
  /// Random weights, or zeros to load into without a seed; `width` is the first layer's channels (64 as published).
  CartoonGan(const ContextPtr& context, std::optional<std::uint64_t> seed, std::int64_t width = 64);
  Tensor forward(const Tensor& x) const override;

 private:
  struct Block {
    Block(const ContextPtr& context, std::int64_t width);
    ConvUnit first, second;
  };
  void add(const std::string& conv, const std::string& norm, ConvUnit& unit);

  ConvUnit flat_;
  Conv2d down1_;
  ConvUnit mix1_;
  Conv2d down2_;
  ConvUnit mix2_;
  std::vector<std::unique_ptr<Block>> blocks_;
  ConvTranspose2d up1_;
  ConvUnit mix3_;
  ConvTranspose2d up2_;
  ConvUnit mix4_;
  Conv2d out_;
};

}  // namespace sumi
