// AnimeGANv2's generator (Chen, Liu: AnimeGAN, ISICA 2019, and its second version), with the names of the PyTorch
// networks: layer norm over C,H,W, inverted residual blocks, bilinear upsampling.
#pragma once
#include "gan/generator.h"
#include "gan/unit.h"

namespace sumi {

/// RGB in [-1,1] in and out. Convolutions pad by reflection; those of stride 2 only right and bottom, by one.
class AnimeGanV2 : public Generator {
 public:
  /// Random weights, or zeros to load into without a seed; `width` is the first layer's channels (32 as published).
  AnimeGanV2(const ContextPtr& context, std::optional<std::uint64_t> seed, std::int64_t width = 32);
  ~AnimeGanV2() override;
  Tensor forward(const Tensor& x) const override;
  /// `align_corners` = "true": how the upsampling places its samples.
  void configure(const std::map<std::string, std::string>& metadata) override;

 private:
  struct Unit;
  struct Inverted;
  using Units = std::vector<std::unique_ptr<Unit>>;
  void add(const std::string& name, Unit& unit);
  void add_all(const std::string& block, Units& units);
  Tensor twice(const Pending& p) const;

  bool align_corners_ = false;
  Units a_, b_;
  std::unique_ptr<Unit> first_, last_;  // of block C
  std::vector<std::unique_ptr<Inverted>> inverted_;
  Units d_, e_;
  Conv2d out_;
};

}  // namespace sumi
