#include "gan/faststyle.h"

#include <utility>

#include "nn/init.h"

namespace sumi {
namespace {

constexpr NormOptions kRelu{.act = Map::relu}, kLinear{};
constexpr Conv2dOptions kSame{.pad = Pad4::all(1), .pad_mode = PadMode::reflect};
constexpr Conv2dOptions kDown{.stride = 2, .pad = Pad4::all(1), .pad_mode = PadMode::reflect};
constexpr Conv2dOptions kWide{.pad = Pad4::all(4), .pad_mode = PadMode::reflect};

Conv2dOptions output_options(bool sigmoid) {
  Conv2dOptions o = kWide;
  o.act = sigmoid ? Map::sigmoid : Map::identity;
  return o;
}

}  // namespace

/// A module of its own, since its names are nested: resN.conv1.conv2d, resN.in1.
struct Faststyle::Block : Module {
  Block(const ContextPtr& c, std::int64_t w)
      : first(c, w, w, 3, kSame, kRelu, true), second(c, w, w, 3, kSame, kLinear, true) {
    add("conv1.conv2d", first.conv);
    add("in1", first.norm);
    add("conv2.conv2d", second.conv);
    add("in2", second.norm);
  }
  ConvUnit first, second;
};

template <class Unit>
void Faststyle::add(const std::string& conv, const std::string& norm, Unit& unit) {
  Module::add(conv + ".conv2d", unit.conv);
  Module::add(norm, unit.norm);
}

Faststyle::Faststyle(const ContextPtr& c, std::optional<std::uint64_t> seed, const FaststyleOptions& o)
    : conv1_(c, 3, o.width1, 9, kWide, kRelu, true),
      conv2_(c, o.width1, o.width2, 3, kDown, kRelu, true),
      conv3_(c, o.width2, o.width3, 3, kDown, kRelu, true),
      up1_(c, o.width3, o.width2, PadMode::reflect, kRelu, true),
      up2_(c, o.width2, o.width1, PadMode::reflect, kRelu, true),
      out_(c, o.width1, 3, 9, output_options(o.sigmoid)) {
  add("conv1", "in1", conv1_);
  add("conv2", "in2", conv2_);
  add("conv3", "in3", conv3_);
  for (int i = 1; i <= o.blocks; i++) {
    blocks_.push_back(std::make_unique<Block>(c, o.width3));
    Module::add(concat("res", i), *blocks_.back());
  }
  add("deconv1", "in4", up1_);
  add("deconv2", "in5", up2_);
  Module::add("deconv3.conv2d", out_);
  if (seed) initialise(*this, *seed);
}

Faststyle::~Faststyle() = default;

FaststyleOptions Faststyle::options_of(const StateDict& state) {
  FaststyleOptions o{.width1 = width_in(&state, "conv1.conv2d.weight", 0, 0),
                     .width2 = width_in(&state, "conv2.conv2d.weight", 0, 0),
                     .width3 = width_in(&state, "conv3.conv2d.weight", 0, 0),
                     .blocks = 0};
  while (o.blocks < 64 && state.contains(concat("res", o.blocks + 1, ".conv1.conv2d.weight"))) o.blocks++;
  return o;
}

Tensor Faststyle::forward(const Tensor& x) const {
  Pending p = conv1_(x);
  p = conv2_(p);
  p = conv3_(p);
  for (const auto& block : blocks_) {
    const Tensor y = settled(std::exchange(p, {}));
    p = residual(y, block->first, block->second);
  }
  p = up1_(p);
  p = up2_(p);
  return convolve(p, out_);
}

}  // namespace sumi
