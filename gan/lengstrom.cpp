#include "gan/lengstrom.h"

#include "nn/init.h"

namespace sumi {
namespace {

constexpr int kBlocks = 5;
constexpr NormOptions kRelu{.eps = 1e-3, .act = Map::relu}, kLinear{.eps = 1e-3}, kTanh{.eps = 1e-3, .act = Map::tanh};
// SAME padding on even sides: a stride of 2 pads 0 before and 1 after, and its transpose crops the same.
constexpr Conv2dOptions kSame{.pad = Pad4::all(1)}, kWide{.pad = Pad4::all(4)};
constexpr Conv2dOptions kDown{.stride = 2, .pad = {.top = 0, .bottom = 1, .left = 0, .right = 1}};
constexpr ConvTranspose2dOptions kUp{.stride = 2, .pad = {.top = 0, .bottom = 1, .left = 0, .right = 1}};

}  // namespace

Lengstrom::Block::Block(const ContextPtr& c, std::int64_t w)
    : first(c, w, w, 3, kSame, kRelu, false), second(c, w, w, 3, kSame, kLinear, false) {}

Lengstrom::Lengstrom(const ContextPtr& c, std::optional<std::uint64_t> seed, std::int64_t w)
    : conv1_(c, 3, w, 9, kWide, kRelu, false),
      conv2_(c, w, 2 * w, 3, kDown, kRelu, false),
      conv3_(c, 2 * w, 4 * w, 3, kDown, kRelu, false),
      up1_(c, 4 * w, 2 * w, 3, kUp, false),
      up1_norm_(c, 2 * w, kRelu),
      up2_(c, 2 * w, w, 3, kUp, false),
      up2_norm_(c, w, kRelu),
      out_(c, w, 3, 9, kWide, kTanh, false) {
  add("conv1", conv1_.conv, conv1_.norm);
  add("conv2", conv2_.conv, conv2_.norm);
  add("conv3", conv3_.conv, conv3_.norm);
  for (int i = 1; i <= kBlocks; i++) {
    Block& block = *blocks_.emplace_back(std::make_unique<Block>(c, 4 * w));
    add(concat("res", i, ".conv1"), block.first.conv, block.first.norm);
    add(concat("res", i, ".conv2"), block.second.conv, block.second.norm);
  }
  add("up1", up1_, up1_norm_);
  add("up2", up2_, up2_norm_);
  add("conv_out", out_.conv, out_.norm);
  if (seed) initialise(*this, *seed, {.scheme = Init::kaiming_normal});
}

/// NAME.weight is the filter, NAME.norm.weight and NAME.norm.bias the norm's.
void Lengstrom::add(const std::string& name, Module& conv, Module& norm) {
  Module::add(name, conv);
  Module::add(name + ".norm", norm);
}

Tensor Lengstrom::forward(const Tensor& x) const {
  check(x.dim(1) % 4 == 0 && x.dim(2) % 4 == 0, "lengstrom: sides must be multiples of 4, got ", x.shape());
  Pending p = conv1_(x);
  p = conv2_(p);
  p = conv3_(p);
  Tensor y = settled(p);
  p = {};
  for (const auto& block : blocks_) y = settled(residual(y, block->first, block->second));
  p = conv_norm(y, up1_, up1_norm_);
  y = {};
  p = conv_norm(p, up2_, up2_norm_);
  return settled(out_(p)) * 150 + 127.5;
}

}  // namespace sumi
