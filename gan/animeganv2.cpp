#include "gan/animeganv2.h"

#include "nn/init.h"

namespace sumi {
namespace {

constexpr NormOptions kLeaky{.kind = NormKind::layer, .act = Map::leaky_relu, .a = 0.2};
constexpr NormOptions kLinear{.kind = NormKind::layer};

Conv2dOptions reflect(int pad) { return {.pad = Pad4::all(pad), .pad_mode = PadMode::reflect}; }
constexpr Conv2dOptions kDown{
    .stride = 2, .pad = {.top = 0, .bottom = 1, .left = 0, .right = 1}, .pad_mode = PadMode::reflect};
Conv2dOptions depthwise(std::int64_t channels) {
  Conv2dOptions o = reflect(1);
  o.groups = static_cast<int>(channels);
  return o;
}

}  // namespace

struct AnimeGanV2::Unit : ConvUnit {
  Unit(const ContextPtr& c, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& conv,
       bool with_bias = false)
      : ConvUnit(c, C, K, R, conv, kLeaky, with_bias) {}
};

/// 1x1 to twice the channels, depthwise 3x3, 1x1 to K; plus the input where K = C (Sandler et al., CVPR 2018).
struct AnimeGanV2::Inverted {
  Inverted(const ContextPtr& c, std::int64_t C, std::int64_t K)
      : expand(c, C, 2 * C, 1, {}),
        middle(c, 2 * C, 2 * C, 3, depthwise(2 * C), true),
        project(c, 2 * C, K, 1, {}, kLinear, false),
        skip(C == K) {}
  Tensor operator()(const Tensor& x) const {
    const Pending y = project(middle(expand(x)));
    return settled(skip ? plus(y, x) : y);
  }
  Unit expand, middle;
  ConvUnit project;
  bool skip;
};

AnimeGanV2::AnimeGanV2(const ContextPtr& c, std::optional<std::uint64_t> seed, std::int64_t w)
    : out_(c, w, 3, 1, {.act = Map::tanh}, false) {
  const auto unit = [&](Units& to, std::int64_t C, std::int64_t K, std::int64_t R, const Conv2dOptions& o) {
    to.push_back(std::make_unique<Unit>(c, C, K, R, o));
  };
  unit(a_, 3, w, 7, reflect(3));
  unit(a_, w, 2 * w, 3, kDown);
  unit(a_, 2 * w, 2 * w, 3, reflect(1));
  unit(b_, 2 * w, 4 * w, 3, kDown);
  unit(b_, 4 * w, 4 * w, 3, reflect(1));
  first_ = std::make_unique<Unit>(c, 4 * w, 4 * w, 3, reflect(1));
  for (int i = 0; i < 4; i++) inverted_.push_back(std::make_unique<Inverted>(c, (i ? 8 : 4) * w, 8 * w));
  last_ = std::make_unique<Unit>(c, 8 * w, 4 * w, 3, reflect(1));
  unit(d_, 4 * w, 4 * w, 3, reflect(1));
  unit(d_, 4 * w, 4 * w, 3, reflect(1));
  unit(e_, 4 * w, 2 * w, 3, reflect(1));
  unit(e_, 2 * w, 2 * w, 3, reflect(1));
  unit(e_, 2 * w, w, 7, reflect(3));

  add_all("block_a", a_);
  add_all("block_b", b_);
  add("block_c.0", *first_);
  for (std::size_t i = 0; i < inverted_.size(); i++) {
    const std::string layers = concat("block_c.", i + 1, ".layers.");
    Inverted& block = *inverted_[i];
    add(layers + "0", block.expand);
    add(layers + "1", block.middle);
    Module::add(layers + "2", block.project.conv);
    Module::add(layers + "3", block.project.norm);
  }
  add("block_c.5", *last_);
  add_all("block_d", d_);
  add_all("block_e", e_);
  Module::add("out_layer.0", out_);
  if (seed) initialise(*this, *seed, {.scheme = Init::kaiming_normal, .slope = 0.2});
}
AnimeGanV2::~AnimeGanV2() = default;

/// A unit is PyTorch's Sequential(pad, conv, norm, activation): 1 and 2 have parameters.
void AnimeGanV2::add(const std::string& name, Unit& unit) {
  Module::add(name + ".1", unit.conv);
  Module::add(name + ".2", unit.norm);
}

void AnimeGanV2::add_all(const std::string& block, Units& units) {
  for (std::size_t i = 0; i < units.size(); i++) add(concat(block, '.', i), *units[i]);
}

void AnimeGanV2::configure(const std::map<std::string, std::string>& metadata) {
  const auto found = metadata.find("align_corners");
  align_corners_ = found != metadata.end() && found->second == "true";
}

Tensor AnimeGanV2::twice(const Pending& p) const {
  if (!align_corners_) return apply(p, {.upsample = Upsample::bilinear2});
  const Tensor x = settled(p);
  return resample(x, 2 * x.dim(1), 2 * x.dim(2), Interpolation::bilinear, Coordinates::align_corners);
}

Tensor AnimeGanV2::forward(const Tensor& x) const {
  Pending p(x);
  const auto through = [&](const Units& units) {
    for (const auto& unit : units) p = (*unit)(p);
  };
  through(a_);
  through(b_);
  Tensor y = settled((*first_)(p));
  p = {};
  for (const auto& block : inverted_) y = (*block)(y);
  p = (*last_)(y);
  y = {};
  p = twice(p);
  through(d_);
  p = twice(p);
  through(e_);
  return convolve(p, out_);
}

}  // namespace sumi
