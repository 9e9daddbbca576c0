#include "gan/cartoongan.h"

#include "nn/init.h"

namespace sumi {
namespace {

constexpr int kBlocks = 8;
constexpr Conv2dOptions kMix{.pad = Pad4::all(1)};
constexpr Conv2dOptions kDown{.stride = 2, .pad = Pad4::all(1)};
constexpr ConvTranspose2dOptions kUp{.stride = 2, .pad = Pad4::all(1), .output_pad_h = 1, .output_pad_w = 1};
constexpr Conv2dOptions kWide{.pad = Pad4::all(3), .pad_mode = PadMode::reflect};
constexpr Conv2dOptions kReflect{.pad = Pad4::all(1), .pad_mode = PadMode::reflect};
constexpr NormOptions kRelu{.eps = 1e-9, .act = Map::relu}, kLinear{.eps = 1e-9};

ConvUnit unit(const ContextPtr& c, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& conv,
              const NormOptions& norm) {
  return {c, C, K, R, conv, norm, true, {"scale", "shift"}};
}

/// "conv" 4, 1 -> "conv04_1".
std::string numbered(const char* what, int i, int j) { return concat(what, i / 10, i % 10, '_', j); }

}  // namespace

CartoonGan::Block::Block(const ContextPtr& c, std::int64_t w)
    : first(unit(c, w, w, 3, kReflect, kRelu)), second(unit(c, w, w, 3, kReflect, kLinear)) {}

CartoonGan::CartoonGan(const ContextPtr& c, std::optional<std::uint64_t> seed, std::int64_t w)
    : flat_(unit(c, 3, w, 7, kWide, kRelu)),
      down1_(c, w, 2 * w, 3, kDown),
      mix1_(unit(c, 2 * w, 2 * w, 3, kMix, kRelu)),
      down2_(c, 2 * w, 4 * w, 3, kDown),
      mix2_(unit(c, 4 * w, 4 * w, 3, kMix, kRelu)),
      up1_(c, 4 * w, 2 * w, 3, kUp),
      mix3_(unit(c, 2 * w, 2 * w, 3, kMix, kRelu)),
      up2_(c, 2 * w, w, 3, kUp),
      mix4_(unit(c, w, w, 3, kMix, kRelu)),
      out_(c, w, 3, 7, {.pad = Pad4::all(3), .pad_mode = PadMode::reflect, .act = Map::tanh}) {
  add("conv01_1", "in01_1", flat_);
  Module::add("conv02_1", down1_);
  add("conv02_2", "in02_1", mix1_);
  Module::add("conv03_1", down2_);
  add("conv03_2", "in03_1", mix2_);
  for (int i = 4; i < 4 + kBlocks; i++) {
    Block& block = *blocks_.emplace_back(std::make_unique<Block>(c, 4 * w));
    add(numbered("conv", i, 1), numbered("in", i, 1), block.first);
    add(numbered("conv", i, 2), numbered("in", i, 2), block.second);
  }
  Module::add("deconv01_1", up1_);
  add("deconv01_2", "in12_1", mix3_);
  Module::add("deconv02_1", up2_);
  add("deconv02_2", "in13_1", mix4_);
  Module::add("deconv03_1", out_);
  if (seed) initialise(*this, *seed, {.scheme = Init::kaiming_normal});
}

void CartoonGan::add(const std::string& conv, const std::string& norm, ConvUnit& unit) {
  Module::add(conv, unit.conv);
  Module::add(norm, unit.norm);
}

Tensor CartoonGan::forward(const Tensor& x) const {
  // At full size an activation is the bulk of the memory: each step's input is given back before the next allocates.
  Pending p = flat_(x);
  p = convolve(p, down1_);
  p = mix1_(p);
  p = convolve(p, down2_);
  p = mix2_(p);
  p = settled(p);
  for (const auto& block : blocks_) p = settled(residual(p.x, block->first, block->second));
  p = convolve(p, up1_);
  p = mix3_(p);
  p = convolve(p, up2_);
  p = mix4_(p);
  return convolve(p, out_);
}

}  // namespace sumi
