#include "gan/vgg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "nn/init.h"
#include "nn/layers.h"
#include "nn/safetensors.h"
#include "tensor/autograd.h"

namespace sumi {
namespace {

constexpr std::array<std::int64_t, 5> kChannels{64, 128, 256, 512, 512};
constexpr std::array<int, 5> kCounts16{2, 2, 3, 3, 3}, kCounts19{2, 2, 4, 4, 4};

const std::array<int, 5>& counts(VggDepth depth) { return depth == VggDepth::vgg16 ? kCounts16 : kCounts19; }

/// Where a layer's name points: "conv4_2" is number 2 of block 4, before its ReLU.
struct Layer {
  std::size_t conv;  // counted from 0 through the whole trunk
  bool after_relu;
};

Layer layer_named(VggDepth depth, std::string_view name) {
  std::size_t conv = 0;
  for (std::size_t block = 0; block < kCounts16.size(); block++)
    for (int i = 1; i <= counts(depth)[block]; i++, conv++)
      for (const bool relu : {false, true})
        if (name == concat(relu ? "relu" : "conv", block + 1, '_', i)) return {conv, relu};
  fail("vgg", static_cast<int>(depth), ": no layer '", name, "'; there are conv1_1, relu1_1, ... relu5_",
       counts(depth)[4]);
}

}  // namespace

struct Vgg::Impl {
  struct Stage {
    std::unique_ptr<Conv2d> conv;
    bool pool_before;
  };
  VggDepth depth;
  std::vector<Stage> stages;
  Tensor mean;  // [3]
};

Vgg::Vgg(const ContextPtr& context, VggDepth depth, std::optional<std::uint64_t> seed, std::string_view last)
    : impl_(std::make_unique<Impl>()) {
  impl_->depth = depth;
  impl_->mean = Tensor::from(context, {3}, std::array<float, 3>{123.68f, 116.779f, 103.939f});
  const std::size_t end = layer_named(depth, last).conv;
  std::int64_t C = 3, index = 0;
  for (std::size_t block = 0; block < kChannels.size(); block++) {
    for (int i = 0; i < counts(depth)[block] && impl_->stages.size() <= end; i++) {
      const std::int64_t K = kChannels[block];
      auto conv = std::make_unique<Conv2d>(context, C, K, 3, Conv2dOptions{.pad = Pad4::all(1)});
      add(concat("features.", index), *conv);
      impl_->stages.push_back({std::move(conv), block > 0 && i == 0});
      C = K;
      index += 2;  // the convolution and its ReLU
    }
    index++;  // the pooling
  }
  if (seed) initialise(*this, *seed, {.scheme = Init::kaiming_normal});
}
Vgg::~Vgg() = default;

VggDepth Vgg::depth() const { return impl_->depth; }

Tensor Vgg::input(const Tensor& rgb255) const {
  return cast(rgb255 - cast(impl_->mean, rgb255.dtype()), impl_->stages.front().conv->weight.dtype());
}

std::map<std::string, Tensor> Vgg::features(const Tensor& x, const std::vector<std::string>& layers,
                                            bool average_pooling) const {
  struct Wanted {
    std::string before, after;  // names asked for at a convolution, or ""
  };
  check(!layers.empty(), "vgg: no layer asked for");
  std::vector<Wanted> wanted(impl_->stages.size());
  std::size_t end = 0;
  for (const std::string& name : layers) {
    const Layer layer = layer_named(impl_->depth, name);
    check(layer.conv < wanted.size(), "vgg: layer ", name, " is beyond the last one built");
    (layer.after_relu ? wanted[layer.conv].after : wanted[layer.conv].before) = name;
    end = std::max(end, layer.conv);
  }
  std::map<std::string, Tensor> found;
  Tensor y = x;
  for (std::size_t i = 0; i <= end; i++) {
    const auto& [conv, pool] = impl_->stages[i];
    if (pool) y = average_pooling ? average_pool(y) : max_pool(y);
    Conv2dOptions options = conv->options;
    if (wanted[i].before.empty()) options.act = Map::relu;
    y = conv2d(y, conv->weight, conv->bias, options);
    if (!wanted[i].before.empty()) {
      found[wanted[i].before] = y;
      if (i < end || !wanted[i].after.empty()) y = relu(y);
    }
    if (!wanted[i].after.empty()) found[wanted[i].after] = y;
  }
  return found;
}

namespace {

constexpr std::string_view kFirst = "features.0.weight";

/// The third convolution of block 3 or the first of block 4 tells: 16 is a filter in VGG-19, 17 one in VGG-16.
VggDepth depth_of(const StateDict& state) {
  check(state.contains(kFirst), "not a VGG trunk: no tensor '", kFirst, "' among its ", state.size(), ", which begin ",
        "with ", state.empty() ? "none" : state.begin()->first);
  return state.contains("features.16.weight") ? VggDepth::vgg19 : VggDepth::vgg16;
}

void check_trained(const Vgg& vgg) {
  for (const NamedParameter& p : vgg.named_parameters()) {
    if (p.kind != ParameterKind::filter) continue;
    const std::vector<float> values = p.tensor->to_vector();
    check(std::ranges::all_of(values, [](float v) { return std::isfinite(v); }), "tensor '", p.name,
          "' has values that are not finite: these weights are damaged");
    check(std::ranges::any_of(values, [](float v) { return v != 0; }), "tensor '", p.name,
          "' is all zeros: all features would be the same; these are no trained weights");
  }
}

}  // namespace

bool is_vgg(const std::string& path) {
  const SafetensorsFile file(path);
  return std::ranges::any_of(file.entries(), [](const TensorEntry& e) { return e.name == kFirst; });
}

std::unique_ptr<Vgg> load_vgg(const ContextPtr& context, const std::string& path, std::string_view last) {
  const SafetensorsFile file(path);
  try {
    StateDict state = file.load(context);
    auto vgg = std::make_unique<Vgg>(context, depth_of(state), std::nullopt, last);
    StateDict needed;
    for (const NamedParameter& p : vgg->named_parameters())
      if (const auto found = state.find(p.name); found != state.end()) needed.insert(*found);
    vgg->load_state_dict(needed);
    check_trained(*vgg);
    return vgg;
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
}

}  // namespace sumi
