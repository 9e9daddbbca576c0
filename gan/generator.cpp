#include "gan/generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "gan/animeganv2.h"
#include "gan/cartoongan.h"
#include "gan/faststyle.h"
#include "gan/lengstrom.h"
#include "nn/safetensors.h"

namespace sumi {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr PixelFormat kBytes{.offset = 0, .divisor = 1, .out_scale = 1, .out_offset = 0};
constexpr PixelFormat kCentred{.offset = 127.5, .divisor = 64, .out_scale = 255, .out_offset = 0};

std::string_view value(const Metadata& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

constexpr std::array<std::string_view, 5> kNames{"cartoongan", "faststyle_sigmoid", "faststyle", "lengstrom",
                                                 "animeganv2"};

/// By the metadata's name where that is one of ours (files of others say all kinds of things there), else by a tensor
/// that no other architecture has.
bool is(const StateDict& state, const Metadata& metadata, std::string_view name, std::string_view tensor) {
  const std::string_view said = value(metadata, "architecture");
  return std::ranges::find(kNames, said) == kNames.end() ? state.contains(tensor) : said == name;
}

bool centred(const Metadata& metadata) { return value(metadata, "pixels") == "centered_sigmoid"; }
bool is_faststyle(const StateDict& s, const Metadata& m) { return is(s, m, "faststyle", "conv1.conv2d.weight"); }

/// A network that will be loaded needs no random weights.
std::optional<std::uint64_t> seed_without(const StateDict* state, std::uint64_t seed) {
  return state ? std::nullopt : std::optional(seed);
}

std::unique_ptr<Generator> make_faststyle(const ContextPtr& context, std::uint64_t seed, const StateDict* state,
                                          bool sigmoid) {
  FaststyleOptions options = state ? Faststyle::options_of(*state) : FaststyleOptions{};
  options.sigmoid = sigmoid;
  return std::make_unique<Faststyle>(context, seed_without(state, seed), options);
}

constexpr std::array<Architecture, kNames.size()> kArchitectures{{
    {.name = kNames[0],
     .title = "CartoonGAN (Chen et al. 2018)",
     .pixels = {.bgr = true},
     .multiple = 4,
     .minimum = 8,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "cartoongan", "conv01_1.weight"); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<CartoonGan>(c, seed_without(s, seed), width_in(s, "conv01_1.weight", 0, 64));
     }},
    {.name = kNames[1],
     .title = "Feed-forward style (Johnson et al. 2016), bounded output",
     .pixels = kCentred,
     .multiple = 4,
     .minimum = 8,
     .recognise =
         [](const StateDict& s, const Metadata& m) {
           return value(m, "architecture") == "faststyle_sigmoid" || (is_faststyle(s, m) && centred(m));
         },
     .make = [](const ContextPtr& c, std::uint64_t seed,
                const StateDict* s) { return make_faststyle(c, seed, s, true); }},
    {.name = kNames[2],
     .title = "Feed-forward style (Johnson et al. 2016; pytorch/examples)",
     .pixels = kBytes,
     .multiple = 4,
     .minimum = 8,
     .recognise = is_faststyle,
     .make = [](const ContextPtr& c, std::uint64_t seed,
                const StateDict* s) { return make_faststyle(c, seed, s, false); }},
    {.name = kNames[3],
     .title = "Feed-forward style (Johnson et al. 2016; fast-style-transfer)",
     .pixels = kBytes,
     .multiple = 4,
     .minimum = 4,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "lengstrom", "conv_out.norm.weight"); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<Lengstrom>(c, seed_without(s, seed), width_in(s, "conv1.weight", 0, 32));
     }},
    {.name = kNames[4],
     .title = "AnimeGANv2 (Chen et al. 2019)",
     .pixels = {},
     .multiple = 4,
     .minimum = 8,
     .recognise = [](const StateDict& s, const Metadata& m) { return is(s, m, "animeganv2", "block_a.0.1.weight"); },
     .make = [](const ContextPtr& c, std::uint64_t seed, const StateDict* s) -> std::unique_ptr<Generator> {
       return std::make_unique<AnimeGanV2>(c, seed_without(s, seed), width_in(s, "block_a.0.1.weight", 0, 32));
     }},
}};

std::string names() {
  std::string list;
  for (const std::string_view name : kNames) list += concat(list.empty() ? "" : ", ", name);
  return list;
}

/// Removes what PyTorch's older instance norms saved and no network here uses.
void drop_running_statistics(StateDict& state) {
  std::erase_if(state, [](const auto& item) {
    return item.first.ends_with(".running_mean") || item.first.ends_with(".running_var");
  });
}

/// DataParallel's "module." in front of every name.
void drop_prefix(StateDict& state) {
  constexpr std::string_view prefix = "module.";
  if (!std::ranges::all_of(state, [&](const auto& item) { return item.first.starts_with(prefix); })) return;
  StateDict renamed;
  for (const auto& [name, tensor] : state) renamed.emplace(name.substr(prefix.size()), tensor);
  state = std::move(renamed);
}

LoadedGenerator build(const ContextPtr& context, StateDict state, const Metadata& metadata) {
  drop_running_statistics(state);
  drop_prefix(state);
  for (const Architecture& a : kArchitectures) {
    if (!a.recognise(state, metadata)) continue;
    auto network = a.make(context, 0, &state);
    network->load_state_dict(state);
    network->configure(metadata);
    return {&a, std::move(network)};
  }
  const std::string_view said = value(metadata, "architecture");
  fail("not a generator: its tensors belong to none of ", names(), said.empty() ? "" : "; it calls itself '", said,
       said.empty() ? "" : "'");
}

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture& architecture_named(std::string_view name) {
  for (const Architecture& a : kArchitectures)
    if (a.name == name) return a;
  fail("architecture '", name, "' is not one of ", names());
}

LoadedGenerator load_generator(const ContextPtr& context, const std::string& path) {
  const SafetensorsFile file(path);
  try {
    return build(context, file.load(context), file.metadata());
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
}

Tensor to_network(const ContextPtr& context, std::span<const std::uint8_t> rgb, std::int64_t H, std::int64_t W,
                  const PixelFormat& format, DType dtype) {
  check(static_cast<std::int64_t>(rgb.size()) == H * W * 3, "picture: expected ", H, 'x', W, "x3 bytes, got ",
        rgb.size());
  std::array<float, 256> level{};
  for (std::size_t v = 0; v < level.size(); v++)
    level[v] = static_cast<float>((static_cast<double>(v) - format.offset) / format.divisor);
  const Tensor x = Tensor::empty(context, {1, H, W, 3});
  float* out = x.data<float>();
  const std::size_t first = format.bgr ? 2 : 0, third = 2 - first;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    out[i] = level[rgb[i + first]];
    out[i + 1] = level[rgb[i + 1]];
    out[i + 2] = level[rgb[i + third]];
  }
  return dtype == DType::f32 ? x : cast(x, dtype);
}

std::vector<std::uint8_t> from_network(const Tensor& y, const PixelFormat& format) {
  check(y.rank() == 4 && y.dim(0) == 1 && y.dim(3) == 3, "picture: expected [1,H,W,3], got ", y.shape());
  const std::vector<float> values = y.to_vector();
  const auto scale = static_cast<float>(format.out_scale), offset = static_cast<float>(format.out_offset);
  // The comparison is false for a NaN, which becomes black.
  const auto pixel = [&](float v) {
    const float p = std::nearbyint(v * scale + offset);
    return static_cast<std::uint8_t>(p > 0 ? std::min(p, 255.f) : 0.f);
  };
  std::vector<std::uint8_t> rgb(values.size());
  const std::size_t first = format.bgr ? 2 : 0, third = 2 - first;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    rgb[i + first] = pixel(values[i]);
    rgb[i + 1] = pixel(values[i + 1]);
    rgb[i + third] = pixel(values[i + 2]);
  }
  return rgb;
}

}  // namespace sumi
